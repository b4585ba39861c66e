// The files that a person drops or chooses, with the folders they lie in.

export interface GivenFile {
  /** With its folders, as `shoes/12.jpg`. */
  path: string
  file: File
}

export interface Given {
  pictures: GivenFile[]
  /** CSV or JSON lines. */
  tables: GivenFile[]
  /** What is neither; files that systems leave in every folder are not worth telling. */
  others: GivenFile[]
}

const PICTURES = /\.(jpe?g|jfif|png|webp|gif|tiff?|bmp|dib|heic|heif|avif|pbm|pgm|ppm|pnm)$/i
const TABLES = /\.(csv|jsonl|ndjson)$/i
const LITTER = /(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini|__MACOSX)(\/|$)/i

/** Which of the files are pictures, as their kind or name says: the server looks inside. */
export function sortOut(files: GivenFile[]): Given {
  const given: Given = { pictures: [], tables: [], others: [] }
  for (const each of files) {
    if (LITTER.test(each.path)) continue
    const name = each.file.name
    if (TABLES.test(name)) given.tables.push(each)
    else if (PICTURES.test(name) || each.file.type.startsWith('image/') || !name.includes('.')) given.pictures.push(each)
    else given.others.push(each)
  }
  given.pictures.sort((one, other) => (one.path < other.path ? -1 : 1))
  return given
}

/** Of an `<input type=file>`, with `webkitdirectory` too. */
export function filesOfInput(list: FileList | null): GivenFile[] {
  return [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }))
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject))
}

/** readEntries gives a hundred at a time, and none when there are no more. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (!some.length) return all
    all.push(...some)
  }
}

async function walk(entry: FileSystemEntry, found: GivenFile[]): Promise<void> {
  const path = entry.fullPath.replace(/^\//, '')
  try {
    if (entry.isFile) found.push({ path, file: await fileOf(entry as FileSystemFileEntry) })
    else for (const inner of await entriesOf(entry as FileSystemDirectoryEntry)) await walk(inner, found)
  } catch {
    // It went away, or may not be read: what can be read is taken.
  }
}

/** Of a drop, folders with all that is in them. To be called while the event is handled: its list is empty afterwards. */
export async function filesOfDrop(transfer: DataTransfer): Promise<GivenFile[]> {
  const entries: FileSystemEntry[] = []
  const plain: GivenFile[] = []
  for (const item of transfer.items) {
    if (item.kind !== 'file') continue
    const entry = item.webkitGetAsEntry()
    const file = entry ? null : item.getAsFile()
    if (entry) entries.push(entry)
    else if (file) plain.push({ path: file.name, file })
  }
  for (const entry of entries) await walk(entry, plain)
  return plain
}
