import { describe, expect, it } from 'vitest'
import { readEvents } from './events'

async function eventsOf(...chunks: string[]) {
  const encoder = new TextEncoder()
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk))
      controller.close()
    },
  })
  const events = []
  for await (const event of readEvents(stream)) events.push([event.event, event.data])
  return events
}

describe('server-sent events', () => {
  it('come whole, wherever the network cuts them', async () => {
    const text = 'event: job\ndata: {"a":1}\n\n: still there\n\nevent: job\r\ndata: x\r\ndata: y\r\n\r\n'
    const wanted = [
      ['job', '{"a":1}'],
      ['job', 'x\ny'],
    ]
    expect(await eventsOf(text)).toEqual(wanted)
    expect(await eventsOf(...text)).toEqual(wanted)
  })

  it('leave out one that was cut off', async () => {
    expect(await eventsOf('data: one\n\ndata: tw')).toEqual([['message', 'one']])
  })
})
