// Server-sent events of a stream that was fetched: EventSource cannot send a token.

export interface ServerEvent {
  event: string
  data: string
}

/** The events of a text/event-stream, as they come (WHATWG HTML, 9.2.6; ids and retry times are not used here). */
export async function* readEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let event = 'message'
  let data: string[] = []
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return // an event without its empty line is not whole
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line === '') {
          if (data.length) yield { event, data: data.join('\n') }
          event = 'message'
          data = []
        } else if (!line.startsWith(':')) {
          const [, field, said = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? []
          if (field === 'event') event = said
          if (field === 'data') data.push(said)
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {}) // of a stream that was aborted already
  }
}
