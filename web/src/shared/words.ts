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

/** The last part of an id or address, by either slash. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== '') ?? path
}

/** The text where it is an address of the web, and nothing a click could run; else ''. */
export function webAddress(text: string): string {
  return /^https?:\/\/[^\s]+$/i.test(text) && URL.canParse(text) ? text : ''
}
