// Where the page is. The address holds all of it: /, /collections/NAME and /collections/NAME/VIEW, with the search in the query
// (state/search-words.ts). So it can be shared, and the back button goes back.
import { keepScroll } from './scroll'

export class Place {
  path = $state(location.pathname)
  query = $state(location.search)

  /** '' where no collection has been chosen. */
  readonly collection = $derived(this.part(2))
  /** '' is the search. */
  readonly view = $derived(this.part(3))

  private part(index: number): string {
    const parts = this.path.split('/')
    if (parts[1] !== 'collections') return ''
    try {
      return decodeURIComponent(parts[index] ?? '')
    } catch {
      return ''
    }
  }

  /** Goes there; `replace`: the back button does not come back to where this was. */
  go(address: string, { replace = false, scroll = false } = {}): void {
    if (address !== location.pathname + location.search) {
      keepScroll()
      if (replace) history.replaceState(history.state, '', address)
      else history.pushState(null, '', address)
    }
    this.read()
    if (scroll) window.scrollTo(0, 0)
  }

  read = (): void => {
    this.path = location.pathname
    this.query = location.search
  }
}

export const place = new Place()

export function collectionAddress(collection: string, view = '', query = ''): string {
  const tail = view ? '/' + encodeURIComponent(view) : ''
  return `/collections/${encodeURIComponent(collection)}${tail}${query}`
}

/** Follows links within the page without loading it anew. Returns how to stop. */
export function followLinks(): () => void {
  const click = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element | null)?.closest('a')
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (link.pathname !== '/' && !link.pathname.startsWith('/collections/')) return
    event.preventDefault()
    place.go(link.pathname + link.search, { scroll: true })
  }
  document.addEventListener('click', click)
  window.addEventListener('popstate', place.read)
  return () => {
    document.removeEventListener('click', click)
    window.removeEventListener('popstate', place.read)
  }
}
