/** One reading of the server's own use. */
export interface Use {
  memoryBytes: number
  /** Processor seconds since it started. */
  cpuSeconds: number
  /** When it was read, in milliseconds of this machine. */
  read: number
}

/** A figure without labels of Prometheus' text format; undefined where it is not there. */
export function metric(text: string, name: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `))
  const value = Number(line?.slice(name.length + 1).split(' ')[0])
  return line !== undefined && Number.isFinite(value) ? value : undefined
}

export function useOf(text: string, read: number): Use | undefined {
  const memoryBytes = metric(text, 'process_resident_memory_bytes')
  const cpuSeconds = metric(text, 'process_cpu_seconds_total')
  return memoryBytes === undefined || cpuSeconds === undefined ? undefined : { memoryBytes, cpuSeconds, read }
}

/** Processors in use between two readings: 1 is one of them all the time. */
export function processors(before: Use, after: Use): number | undefined {
  const passed = (after.read - before.read) / 1000
  return passed > 0 ? Math.max(0, (after.cpuSeconds - before.cpuSeconds) / passed) : undefined
}
