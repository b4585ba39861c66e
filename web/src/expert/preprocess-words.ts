import type { Json } from '../api/types'

/** A step of a model's preprocessing, such as {"center_crop": {"height": 224, "width": 224}}, as people read it. */
export function stepWords(step: Json): string {
  if (step === null || typeof step !== 'object' || Array.isArray(step)) return String(step)
  return Object.entries(step)
    .map(([name, parameters]) => {
      const words = name.replaceAll('_', ' ')
      if (parameters === null || typeof parameters !== 'object') return `${words}: ${parameters}`
      if (Array.isArray(parameters)) return `${words}: ${parameters.join(', ')}`
      const said = Object.entries(parameters).map(([key, value]) => `${key.replaceAll('_', ' ')} ${plain(value)}`)
      return said.length ? `${words}: ${said.join(', ')}` : words
    })
    .join('; ')
}

function plain(value: Json): string {
  if (Array.isArray(value)) return value.length > 0 && value.every((each) => each === value[0]) ? plain(value[0] as Json) : value.map(plain).join(' ')
  return typeof value === 'number' ? String(Math.round(value * 1e4) / 1e4) : typeof value === 'object' ? JSON.stringify(value) : String(value)
}
