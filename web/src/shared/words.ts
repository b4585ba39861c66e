// Numbers and names as people read them.

const NUMBERS = new Intl.NumberFormat('en')

/** "1 picture", "1,234 pictures". */
export function counted(count: number, thing: string): string {
  return `${NUMBERS.format(count)} ${thing}${count === 1 ? '' : 's'}`
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
