import { webAddress } from '../shared/words'

/** The addresses in a list, one a line, each once; and the lines that are none. */
export function readAddresses(text: string): { addresses: string[]; wrong: { line: number; text: string }[] } {
  const addresses = new Set<string>()
  const wrong: { line: number; text: string }[] = []
  text.split('\n').forEach((each, index) => {
    const line = each.trim()
    if (!line) return
    if (webAddress(line)) addresses.add(line)
    else wrong.push({ line: index + 1, text: line.slice(0, 200) })
  })
  return { addresses: [...addresses], wrong }
}
