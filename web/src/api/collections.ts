import { json, path } from './client'
import { ApiError } from './errors'
import type { Calibration, Classifier, Collection, Facet, Model, ServerFacts } from './types'

export async function listCollections(signal?: AbortSignal): Promise<Collection[]> {
  const { collections } = await json<{ collections: Collection[] }>(path('collections'), { signal })
  return collections
}

export function getCollection(name: string, signal?: AbortSignal): Promise<Collection> {
  return json(path('collections', name), { signal })
}

/** How many items have which value; one entry a field, in order. */
export async function countValues(
  collection: string,
  fields: string[],
  filter: string,
  limit: number,
  signal?: AbortSignal,
): Promise<Facet[]> {
  const body = { fields, limit, ...(filter ? { filter } : {}) }
  const { facets } = await json<{ facets: Facet[] }>(path('collections', collection, 'facets'), { method: 'POST', body, signal })
  return facets
}

export async function listClassifiers(collection: string, signal?: AbortSignal): Promise<Classifier[]> {
  const { classifiers } = await json<{ classifiers: Classifier[] }>(path('collections', collection, 'classifiers'), { signal })
  return classifiers
}

/** What the collection's similarities are worth; undefined where it was never calibrated. */
export async function getCalibration(collection: string, signal?: AbortSignal): Promise<Calibration | undefined> {
  try {
    return await json<Calibration>(path('collections', collection, 'calibration'), { signal })
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

export function getModel(name: string, signal?: AbortSignal): Promise<Model> {
  return json(path('models', name), { signal })
}

export function getServer(signal?: AbortSignal): Promise<ServerFacts> {
  return json(path('server'), { signal })
}
