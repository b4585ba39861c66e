// Draws points, and lines between places, with WebGL: 100,000 in a few milliseconds also where software draws them.
import {
  addExtensionsToContext,
  createBufferInfoFromArrays,
  createProgramInfo,
  drawBufferInfo,
  setAttribInfoBufferFromArray,
  setBuffersAndAttributes,
  setUniforms,
  type BufferInfo,
  type ProgramInfo,
} from 'twgl.js'
import type { View } from './view'

// From the unit square to the canvas: the scale and the place of 0, 0 come in clip space.
const TO_CLIP = `
  uniform vec2 scale;
  uniform vec2 origin;
  vec4 toClip(vec2 place) { return vec4(origin + scale * place, 0.0, 1.0); }
`

const POINTS = [
  `attribute vec2 position;
   attribute vec4 colour;
   uniform mediump float size;
   varying vec4 shade;
   ${TO_CLIP}
   void main() {
     gl_Position = colour.a == 0.0 ? vec4(2.0, 2.0, 2.0, 1.0) : toClip(position);
     gl_PointSize = size;
     shade = vec4(colour.rgb * colour.a, colour.a);
   }`,
  `precision mediump float;
   uniform float size;
   varying vec4 shade;
   void main() {
     float inside = clamp((0.5 - distance(gl_PointCoord, vec2(0.5))) * size, 0.0, 1.0);
     gl_FragColor = shade * inside;
   }`,
]

const LINES = [
  `attribute vec2 position;
   ${TO_CLIP}
   void main() { gl_Position = toClip(position); }`,
  `precision mediump float;
   uniform vec4 colour;
   void main() { gl_FragColor = vec4(colour.rgb * colour.a, colour.a); }`,
]

export type Rgba = readonly [number, number, number, number]

/** Pixels of a point's width: fewer where there are many, more when one looks closer. */
export function pointSize(count: number, zoom: number): number {
  const alone = Math.min(9, Math.max(3, 26 / Math.max(1, count) ** 0.18))
  return Math.min(16, alone * Math.max(1, zoom) ** 0.3)
}

export class PlaneRenderer {
  private readonly gl: WebGLRenderingContext
  private readonly points: ProgramInfo
  private readonly lines: ProgramInfo
  private pointBuffers: BufferInfo | undefined
  private lineBuffers: BufferInfo | undefined

  /** Throws where the browser has no WebGL. */
  constructor(private readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext('webgl', { antialias: false, premultipliedAlpha: true })
    if (!gl) throw new Error('this browser draws no WebGL')
    this.gl = gl
    addExtensionsToContext(gl)
    this.points = createProgramInfo(gl, POINTS)
    this.lines = createProgramInfo(gl, LINES)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  }

  /** x, y of each; every point is invisible until it gets a colour. */
  setPoints(xy: Float32Array): void {
    this.pointBuffers = xy.length
      ? createBufferInfoFromArrays(this.gl, {
          position: { numComponents: 2, data: xy },
          colour: { numComponents: 4, data: new Uint8Array(xy.length * 2), normalize: true, drawType: this.gl.DYNAMIC_DRAW },
        })
      : undefined
  }

  /** Red, green, blue and alpha of each point; without alpha it is not drawn. */
  setColours(rgba: Uint8Array): void {
    const colour = this.pointBuffers?.attribs?.['colour']
    if (colour) setAttribInfoBufferFromArray(this.gl, colour, rgba)
  }

  /** x, y of both ends of each line. */
  setLines(ends: Float32Array): void {
    this.lineBuffers = ends.length
      ? createBufferInfoFromArrays(this.gl, { position: { numComponents: 2, data: ends } })
      : undefined
  }

  draw(view: View, size: number, lineColour: Rgba): void {
    const { gl, canvas } = this
    const dense = Math.min(2, devicePixelRatio || 1)
    const [width, height] = [Math.round(view.width * dense), Math.round(view.height * dense)]
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    gl.viewport(0, 0, width, height)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
    const [left, top] = view.origin
    const place = {
      scale: [(2 * view.scale) / view.width, (-2 * view.scale) / view.height],
      origin: [(2 * left) / view.width - 1, 1 - (2 * top) / view.height],
    }
    this.drawOne(this.lines, this.lineBuffers, { ...place, colour: lineColour }, gl.LINES)
    this.drawOne(this.points, this.pointBuffers, { ...place, size: size * dense }, gl.POINTS)
  }

  private drawOne(program: ProgramInfo, buffers: BufferInfo | undefined, uniforms: Record<string, unknown>, kind: number): void {
    if (!buffers) return
    this.gl.useProgram(program.program)
    setBuffersAndAttributes(this.gl, program, buffers)
    setUniforms(program, uniforms)
    drawBufferInfo(this.gl, buffers, kind)
  }

  free(): void {
    this.gl.getExtension('WEBGL_lose_context')?.loseContext()
  }
}
