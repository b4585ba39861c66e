// The views of a collection: /collections/NAME/<name>. One that is here is in the navigation; each is loaded when first shown.
import type { Component } from 'svelte'

export interface View {
  /** In the address; '' is the one that a collection opens with. */
  name: string
  title: string
  /** The component gets the name of the collection. */
  load: () => Promise<{ default: Component<{ collection: string }> }>
}

export const VIEWS: View[] = [
  { name: '', title: 'Search', load: () => import('../search/SearchView.svelte') },
  { name: 'pictures', title: 'Pictures', load: () => import('../collections/BrowseView.svelte') },
  { name: 'add', title: 'Add', load: () => import('../collections/AddView.svelte') },
  { name: 'manage', title: 'Manage', load: () => import('../collections/ManageView.svelte') },
  { name: 'learn', title: 'Learn', load: () => import('../learn/LearnView.svelte') },
  { name: 'map', title: 'Map', load: () => import('../map/MapView.svelte') },
  { name: 'inside', title: 'Inside', load: () => import('../inside/InsideView.svelte') },
]
