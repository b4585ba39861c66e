// What a training can be told, with a line of help each. docs/training.md tells all.
import type { TrainingRequest } from '../api/training'

/** Right for a head on a frozen trunk, on a plain processor: the server's own defaults are those of fine-tuning a whole network. */
export const DEFAULTS: TrainingRequest = {
  label: '',
  group: '',
  split_by: 'within',
  split: 0.7,
  name: '',
  trunk_model: 'default',
  input_size: 0,
  embedder_layers: [512, 256],
  views: 2,
  loss: 'multi_similarity',
  margin: null,
  scale: null,
  miner: 'multi_similarity',
  batch_size: 64,
  sampler_m: 4,
  epochs: 40,
  lr: 0.001,
  weight_decay: 0.0001,
  optimizer: 'adamw',
  warmup: 1,
  schedule: 'cosine',
  patience: 10,
  seed: 1,
}

export interface Pace {
  name: string
  title: string
  help: string
  changes: Partial<TrainingRequest>
}

export const PACES: Pace[] = [
  { name: 'quick', title: 'A quick look', help: 'Ten rounds over the pictures as they are: whether the label can be learnt at all.', changes: { epochs: 10, views: 1, patience: 0 } },
  { name: 'usual', title: 'As usual', help: 'Forty rounds, each picture and one crop of it; ends early when nothing gets better.', changes: { epochs: 40, views: 2, patience: 10 } },
  { name: 'thorough', title: 'Thorough', help: 'A hundred rounds, each picture and seven crops of it: eight times the features, and more to learn from.', changes: { epochs: 100, views: 8, patience: 20 } },
]

/** The pace that these options have, unless somebody has set them otherwise. */
export function paceOf(options: TrainingRequest): string {
  const fits = ({ changes }: Pace) => Object.entries(changes).every(([name, value]) => options[name as keyof TrainingRequest] === value)
  return PACES.find(fits)?.name ?? ''
}

interface Shown {
  title: string
  help: string
}
export type Option = Shown &
  (
    | { name: 'loss' | 'miner' | 'optimizer' | 'schedule' | 'split_by'; choices: [value: string, title: string][] }
    | {
        name: 'views' | 'input_size' | 'batch_size' | 'sampler_m' | 'epochs' | 'lr' | 'weight_decay' | 'warmup' | 'patience' | 'seed' | 'split' | 'margin' | 'scale'
        least: number
        most?: number
        /** Whole numbers, unless said. */
        any?: boolean
        /** May be left empty: the loss's own. */
        empty?: boolean
      }
  )

export const OPTIONS: { title: string; options: Option[] }[] = [
  {
    title: 'What is held out',
    options: [
      {
        name: 'split_by',
        title: 'Held out',
        help: 'Nothing is learnt from what is held out; the curves are of it. Whole classes tell how well kinds are told apart that were never seen.',
        choices: [
          ['within', 'a part of each class'],
          ['classes', 'whole classes'],
        ],
      },
      { name: 'split', title: 'Share learnt from', help: 'The rest is held out.', least: 0.05, most: 0.95, any: true },
    ],
  },
  {
    title: 'Loss',
    options: [
      {
        name: 'loss',
        title: 'Loss',
        help: 'What is made smaller. ArcFace and Proxy Anchor look at every picture and need no miner.',
        choices: [
          ['multi_similarity', 'Multi-Similarity'],
          ['circle', 'Circle'],
          ['triplet', 'Triplet'],
          ['proxy_anchor', 'Proxy Anchor'],
          ['arcface', 'ArcFace'],
          ['contrastive', 'Contrastive'],
        ],
      },
      { name: 'margin', title: 'Margin', help: "Empty: the loss's own.", least: 0, any: true, empty: true },
      { name: 'scale', title: 'Scale', help: "Empty: the loss's own.", least: 0, any: true, empty: true },
      {
        name: 'miner',
        title: 'Miner',
        help: 'Which pairs or triplets of a batch count.',
        choices: [
          ['multi_similarity', 'Multi-Similarity'],
          ['semi_hard', 'semi-hard'],
          ['hard', 'hard'],
          ['none', 'all of them'],
        ],
      },
    ],
  },
  {
    title: 'Batches and rounds',
    options: [
      { name: 'batch_size', title: 'Pictures in a batch', help: 'A multiple of those of each class.', least: 2, most: 65536 },
      { name: 'sampler_m', title: 'Of each class in it', help: '0: drawn whatever their class.', least: 0, most: 65536 },
      { name: 'epochs', title: 'Epochs', help: 'Rounds over the pictures.', least: 1, most: 100000 },
      { name: 'patience', title: 'Patience', help: 'Ends after so many epochs without a better MAP@R; 0: never.', least: 0 },
      { name: 'input_size', title: 'Size of the pictures', help: 'Pixels of the longer side, 16 to 2,048, as the trunk gets them; 0: as it was made for.', least: 0, most: 2048 },
      { name: 'views', title: 'Views of each picture', help: 'Itself, and crops of it, mirrored or not.', least: 1, most: 64 },
    ],
  },
  {
    title: 'Steps',
    options: [
      { name: 'lr', title: 'Learning rate', help: 'Larger learns faster, and too large learns nothing.', least: 0, most: 100, any: true },
      {
        name: 'schedule',
        title: 'Schedule',
        help: 'Of the learning rate.',
        choices: [
          ['cosine', 'falls like a cosine'],
          ['constant', 'constant'],
        ],
      },
      { name: 'warmup', title: 'Warm-up', help: 'Epochs in which the rate rises from 0.', least: 0, any: true },
      {
        name: 'optimizer',
        title: 'Optimiser',
        help: '',
        choices: [
          ['adamw', 'AdamW'],
          ['adam', 'Adam'],
        ],
      },
      { name: 'weight_decay', title: 'Weight decay', help: 'Keeps weights small.', least: 0, most: 100, any: true },
      { name: 'seed', title: 'Seed', help: 'Of all that is drawn: the same seed gives the same model.', least: 0 },
    ],
  },
]

/** "512, 256" as a list; undefined where it is none. */
export function layersOf(text: string): number[] | undefined {
  const layers = text.split(/[\s,]+/).filter(Boolean).map(Number)
  return layers.length && layers.every((width) => Number.isInteger(width) && width > 0) ? layers : undefined
}

/** A name for a model learnt from the collection, which none of those there has. */
export function freeName(collection: string, taken: string[]): string {
  const base = collection.slice(0, 55) + '-model'
  for (let number = 1; ; ++number) {
    const name = number === 1 ? base : `${base}-${number}`
    if (!taken.includes(name)) return name
  }
}

export const MEASURES = [
  ['p_at_1', 'P@1', 'the first hit is of its class'],
  ['map_at_r', 'MAP@R', 'its class comes first, in order'],
  ['r_precision', 'R-precision', 'its class among the first R'],
  ['p_at_10', 'P@10', 'its class among the first ten'],
  ['map', 'MAP', 'over the full ranking'],
  ['mrr', 'MRR', 'one over the rank of the first of its class'],
] as const
