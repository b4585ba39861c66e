// What a person has chosen for this page, kept over restarts on this machine.

interface Choices {
  theme: 'system' | 'light' | 'dark'
  /** Of the results; 0: as many as fit. */
  columns: number
  /** Pictures that are drawn from the collection. */
  draw: number
  /** Panels that are open, by name. */
  open: Record<string, boolean>
}

const KEY = 'eidetic.choices'
const DEFAULTS: Choices = { theme: 'system', columns: 0, draw: 8, open: {} }

function kept(): Choices {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return { ...DEFAULTS, ...(read as Partial<Choices>) }
  } catch {
    return { ...DEFAULTS }
  }
}

export const choices = $state(kept())

/** Keeps what is chosen from now on. Called once, by the root component. */
export function keepChoices(): void {
  $effect(() => {
    const text = JSON.stringify(choices)
    try {
      localStorage.setItem(KEY, text)
    } catch {
      // Storage may be full or forbidden: the choices hold until the page is closed.
    }
  })
  $effect(() => {
    document.documentElement.style.colorScheme = choices.theme === 'system' ? 'light dark' : choices.theme
  })
}
