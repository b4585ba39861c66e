// Short notes at the edge of the page that go away by themselves.

interface Toast {
  number: number
  text: string
}

const SHOWN_MS = 6000
let last = 0

export const toasts = $state<Toast[]>([])

export function tell(text: string): void {
  const number = ++last
  toasts.push({ number, text })
  setTimeout(() => {
    const index = toasts.findIndex((toast) => toast.number === number)
    if (index >= 0) toasts.splice(index, 1)
  }, SHOWN_MS)
}
