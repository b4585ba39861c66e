// Numbers and names as people read them.

const NUMBERS = new Intl.NumberFormat('en')

/** "1 picture", "1,234 pictures"; `things`: where more than an s is to be added. */
export function counted(count: number, thing: string, things = `${thing}s`): string {
  return `${NUMBERS.format(count)} ${count === 1 ? thing : things}`
}

/** A share of 0 to 1 as a percentage with two decimals at most: "97.31 %". */
export function percent(share: number, digits = 2): string {
  return `${(Math.round(share * 1e4) / 100).toFixed(digits)} %`
}

// Characters that change how others are shown, so that a name seems another: controls, and overrides of the writing direction.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** The text with characters that would deceive the eye spelt out: "abc‹U+202E›gnp.exe". */
export function visible(text: string): string {
  return text.replace(UNSEEN, (c) => `‹U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}›`)
}

/** The last part of an id or address, by either slash, as it can be shown. */
export function fileName(path: string): string {
  return visible(path.split(/[\\/]/).findLast((part) => part !== '') ?? path)
}

/** The folder that a file lies in, its own name alone; '' for none. */
export function folderName(path: string): string {
  return visible(path.split(/[\\/]/).filter((part) => part !== '').at(-2) ?? '')
}

/** The text where it is an address of the web, and nothing a click could run; else ''. */
export function webAddress(text: string): string {
  return /^https?:\/\/[^\s]+$/i.test(text) && URL.canParse(text) ? text : ''
}

/** "3.2 MB": powers of a thousand. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${power === 0 ? bytes : value.toFixed(value < 10 ? 1 : 0)} ${units[power]}`
}

/** "4 s", "3 min 20 s", "2 h 5 min". */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds)
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

const MOMENTS = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' })

/** A time of the server as people here read it. */
export function momentText(time: string | null): string {
  const moment = time ? new Date(time) : undefined
  return moment && !Number.isNaN(moment.getTime()) ? MOMENTS.format(moment) : ''
}

/** Where a collection is kept. */
export function backendWords(name: string): string {
  return name === 'embedded' ? 'the data folder' : name
}
