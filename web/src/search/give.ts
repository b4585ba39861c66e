// What people drop and paste, sorted into pictures and addresses.
import { webAddress } from '../shared/words'

export interface Given {
  pictures: { blob: Blob; name: string }[]
  addresses: string[]
  /** Names of files that are no pictures. */
  refused: string[]
}

/** Files that are pictures, as far as their kind is known; where it is not, the server will tell. */
export function sortFiles(files: Iterable<File>): Given {
  const given: Given = { pictures: [], addresses: [], refused: [] }
  for (const file of files) {
    if (file.type === '' || file.type.startsWith('image/')) given.pictures.push({ blob: file, name: file.name || 'picture' })
    else given.refused.push(file.name)
  }
  return given
}

/** What a drop or the clipboard holds: files first; else addresses, as of a picture dragged from another page. */
export function sortTransfer(transfer: DataTransfer): Given {
  const given = sortFiles(transfer.files)
  if (given.pictures.length || given.refused.length) return given
  const text = transfer.getData('text/uri-list') || transfer.getData('text/plain')
  for (const line of text.split(/\r?\n/)) {
    const address = webAddress(line.trim())
    if (address) given.addresses.push(address)
  }
  return given
}
