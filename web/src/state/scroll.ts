// How far down each entry of the history was. What stands there comes only when the server has answered, so the browser cannot go
// back to it by itself: the page goes when it is tall enough again.

const RESTS_MS = 100

/** Remembers where the page is scrolled to, with the entry of the history that it is at. */
export function keepScroll(): void {
  history.replaceState({ ...(history.state as object | null), scrolled: scrollY }, '')
}

/** Scrolls there as soon as the page is tall enough, unless `signal` says otherwise before. */
function scrollWhenTall(y: number, signal: AbortSignal): void {
  const sized = new ResizeObserver(() => {
    if (document.documentElement.scrollHeight - innerHeight < y) return
    scrollTo(0, y)
    sized.disconnect()
  })
  sized.observe(document.body)
  signal.addEventListener('abort', () => sized.disconnect())
}

/** From now on goes where the page was before, when it is loaded anew and with the back button. Returns how to stop. */
export function followScroll(): () => void {
  history.scrollRestoration = 'manual'
  const stop = new AbortController()
  let going = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined

  const listen = (event: string, heard: () => void) => addEventListener(event, heard, { signal: stop.signal, passive: true })
  const halt = () => {
    clearTimeout(timer)
    going.abort()
  }
  const goBack = () => {
    halt()
    going = new AbortController()
    const { scrolled = 0 } = (history.state ?? {}) as { scrolled?: number }
    scrollWhenTall(scrolled, going.signal)
  }
  listen('popstate', goBack)
  listen('scroll', () => {
    clearTimeout(timer)
    timer = setTimeout(keepScroll, RESTS_MS)
  })
  // Who scrolls or goes on meanwhile is left alone.
  for (const event of ['wheel', 'touchmove', 'keydown', 'pointerdown']) listen(event, () => going.abort())
  goBack()
  return () => {
    halt()
    stop.abort()
  }
}
