// What the token may do, to disable what it may not: the server decides.
import { session } from './session.svelte'

const RANKS = ['none', 'read', 'write', 'admin'] as const

export function may(role: 'write' | 'admin'): boolean {
  return RANKS.indexOf(session.facts?.role ?? 'none') >= RANKS.indexOf(role)
}
