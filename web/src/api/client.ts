// The one place that talks to the server: addresses, token, and what goes wrong as words.
import { ApiError, fromProblem, unreachable } from './errors'

/** What every request carries. Set by state/session. */
export const connection = {
  token: '',
  /** Called when the server wants a token, or another one. */
  refused: (_error: ApiError): void => {},
}

type Scalar = string | number | boolean | undefined

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  query?: Record<string, Scalar>
  /** An object goes as JSON, a Blob or a form as it is. */
  body?: object | Blob | FormData
  signal?: AbortSignal | undefined
}

/** An address of the API: each segment is percent-encoded, slashes too. */
export function path(...segments: string[]): string {
  return '/v1/' + segments.map(encodeURIComponent).join('/')
}

export function withQuery(address: string, query: Record<string, Scalar> = {}): string {
  const words = new URLSearchParams()
  for (const [word, value] of Object.entries(query)) if (value !== undefined) words.set(word, String(value))
  const text = words.toString()
  return text ? `${address}?${text}` : address
}

/** Asks the server. Throws an ApiError whose words a person understands, or the AbortError of the signal. */
export async function request(address: string, call: Call = {}): Promise<Response> {
  const { method = 'GET', query, body, signal } = call
  const headers = new Headers()
  if (connection.token) headers.set('Authorization', `Bearer ${connection.token}`)
  const asIs = body instanceof Blob || body instanceof FormData
  if (body && !asIs) headers.set('Content-Type', 'application/json')
  let response: Response
  try {
    response = await fetch(withQuery(address, query), {
      method,
      headers,
      signal: signal ?? null,
      body: asIs ? body : body ? JSON.stringify(body) : null,
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw unreachable()
  }
  if (response.ok) return response
  const error = await fromProblem(response)
  if (error.status === 401) connection.refused(error)
  throw error
}

export async function json<T>(address: string, call?: Call): Promise<T> {
  return (await request(address, call)).json() as Promise<T>
}

export async function blob(address: string, call?: Call): Promise<Blob> {
  return (await request(address, call)).blob()
}
