// What a collection can do, asked once when it is opened: each part of the page shows what belongs to it.
import { getCalibration, getCollection, getModel, listClassifiers } from '../api/collections'
import { asApiError, isAbort, type ApiError } from '../api/errors'
import { sampleItems } from '../api/items'
import type { Calibration, Classifier, Collection } from '../api/types'
import { fieldsOf } from './filter'

// Items whose metadata tell which fields there are.
const LOOKED_AT = 200

export class CollectionFacts {
  collection = $state.raw<Collection>()
  classifiers = $state.raw<Classifier[]>([])
  calibration = $state.raw<Calibration>()
  /** The model has a text tower. */
  takesText = $state(false)
  /** The model takes pictures; a collection of bare vectors has none. */
  readonly takesPictures = $derived(!!this.collection?.model)
  /** Metadata fields, as filters spell them. */
  fields = $state.raw<string[]>([])
  error = $state.raw<ApiError>()

  constructor(readonly name: string) {
    $effect(() => {
      const stop = new AbortController()
      void this.read(stop.signal)
      return () => stop.abort()
    })
  }

  async read(signal?: AbortSignal): Promise<void> {
    try {
      this.error = undefined
      const collection = await getCollection(this.name, signal)
      this.collection = collection
      await Promise.all([
        sampleItems(this.name, LOOKED_AT, 1, signal).then((items) => (this.fields = fieldsOf(items))),
        listClassifiers(this.name, signal).then((classifiers) => (this.classifiers = classifiers)),
        getCalibration(this.name, signal).then((calibration) => (this.calibration = calibration)),
        collection.model
          ? getModel(collection.model, signal).then(({ bundle }) => (this.takesText = !!bundle?.['text']))
          : undefined,
      ])
    } catch (thrown) {
      if (!isAbort(thrown)) this.error = asApiError(thrown)
    }
  }
}
