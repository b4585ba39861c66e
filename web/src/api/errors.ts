// What goes wrong, in words a person understands. The server's own details name the way out; they are shown as they are.

export class ApiError extends Error {
  constructor(
    /** What to tell: a short line, and what the server said of it. */
    readonly title: string,
    readonly detail: string,
    readonly status: number,
    /** The stable code of docs/openapi.yaml; '' where no server answered. */
    readonly code: string,
    /** When to come again, of a 429 or 503. */
    readonly retryAfterS: number | undefined = undefined,
    readonly requestId: string = '',
  ) {
    super(detail ? `${title}: ${detail}` : title)
    this.name = 'ApiError'
  }
}

const TITLES: Record<string, string> = {
  invalid_argument: 'The server does not understand this',
  unauthorized: 'Please sign in',
  forbidden: 'Your token does not allow this',
  not_found: 'It is not there',
  method_not_allowed: 'The server cannot do this',
  timeout: 'It took too long',
  already_exists: 'There is one of that name already',
  too_large: 'It is too large',
  unsupported_media_type: 'The server does not know this kind of file',
  unsupported: 'This is not possible here',
  corrupt: 'This is damaged, or no picture',
  too_many_requests: 'Too many requests',
  unavailable: 'It cannot be reached',
  overloaded: 'The server is busy',
  unreachable: 'What the server needs does not answer',
  conflict: 'It is not as this server knows it',
  internal: 'The server has a fault',
}

export function unreachable(): ApiError {
  return new ApiError(
    'The server does not answer',
    'It may have been stopped, or the network is down. Your search is kept in the address of this page: try again.',
    0,
    '',
  )
}

/** The error behind an answer that is a problem document (RFC 9457), or that something between here and the server made. */
export async function fromProblem(response: Response): Promise<ApiError> {
  const retry = Number(response.headers.get('Retry-After') ?? NaN)
  let said: { code?: unknown; detail?: unknown; request_id?: unknown } = {}
  try {
    said = await response.json()
  } catch {
    // No JSON: not Eidetic's own answer.
  }
  const code = typeof said.code === 'string' ? said.code : ''
  const detail = typeof said.detail === 'string' ? said.detail : `status ${response.status} without an explanation`
  const title = TITLES[code] ?? 'The server refuses'
  const id = typeof said.request_id === 'string' ? said.request_id : ''
  return new ApiError(title, detail, response.status, code, Number.isFinite(retry) ? retry : undefined, id)
}

/** Whatever was thrown, as an ApiError. */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown
  return new ApiError('Something went wrong on this page', thrown instanceof Error ? thrown.message : String(thrown), 0, '')
}

export function isAbort(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === 'AbortError'
}
