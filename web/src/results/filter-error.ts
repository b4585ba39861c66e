import type { ApiError } from '../api/errors'

/** Whether a search failed because of its filter: its words are told where the filter is typed. */
export function isFilterError(error: ApiError): boolean {
  return error.code === 'invalid_argument' && /^the filter|has the field/.test(error.detail)
}
