// Pictures that people give by hand (files, pasted, from the webcam), kept in this browser so that the address can name them and
// the back button finds them again. They leave it only as part of a search.
import { createStore, del, entries, get, set } from 'idb-keyval'

export interface GivenPicture {
  name: string
  blob: Blob
  /** Milliseconds since the epoch. */
  given: number
}

const MOST = 60
const memory = new Map<string, GivenPicture>()
let store: ReturnType<typeof createStore> | undefined

function database() {
  return (store ??= createStore('eidetic', 'pictures'))
}

function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Keeps a picture; the key that the address names it by. */
export async function keepPicture(blob: Blob, name: string): Promise<string> {
  const key = newKey()
  const picture = { name, blob, given: Date.now() }
  memory.set(key, picture)
  try {
    await set(key, picture, database())
    await forgetOldest()
  } catch {
    // Private windows may have no storage: it is kept as long as the page is open.
  }
  return key
}

export async function givenPicture(key: string): Promise<GivenPicture | undefined> {
  const held = memory.get(key)
  if (held) return held
  try {
    const kept = await get<GivenPicture>(key, database())
    if (kept) memory.set(key, kept)
    return kept
  } catch {
    return undefined
  }
}

async function forgetOldest(): Promise<void> {
  const all = await entries<string, GivenPicture>(database())
  if (all.length <= MOST) return
  all.sort(([, one], [, other]) => other.given - one.given)
  await Promise.all(all.slice(MOST).map(([key]) => del(key, database())))
}

/** The bytes as base64, for JSON. */
export function base64Of(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''))
    reader.onerror = () => reject(new Error('the picture can no longer be read; give it again'))
    reader.readAsDataURL(blob)
  })
}
