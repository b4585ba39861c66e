// Draws points, and lines between places, with WebGL. They are drawn into a picture of the view, some in each frame; every frame
// shows the last whole picture, moved and scaled to what is looked at now. So moving is smooth however many points there are, also
// where software draws them at about a microsecond a point; few points are drawn anew in each frame.
import {
  addExtensionsToContext,
  bindFramebufferInfo,
  createBufferInfoFromArrays,
  createFramebufferInfo,
  createProgramInfo,
  drawBufferInfo,
  resizeFramebufferInfo,
  setAttribInfoBufferFromArray,
  setBuffersAndAttributes,
  setUniforms,
  type BufferInfo,
  type FramebufferInfo,
  type ProgramInfo,
} from 'twgl.js'
import { View } from './view'

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

const PICTURE = [
  `attribute vec2 position;
   varying vec2 texel;
   ${TO_CLIP}
   void main() { gl_Position = toClip(position); texel = 0.5 + 0.5 * position; }`,
  `precision mediump float;
   uniform sampler2D picture;
   varying vec2 texel;
   void main() { gl_FragColor = texture2D(picture, texel); }`,
]

// Points that are drawn in one frame; by how long frames take there are more or fewer.
const FEWEST = 8192
const MOST = 1 << 21
const SLOW_MS = 30
const FAST_MS = 20
// What is drawn around the view on each side, as a share of it: moving brings it into sight.
const MARGIN = 0.2

/** A picture of the points, as they looked in `view`. */
interface Picture {
  target: FramebufferInfo
  view: View | undefined
}

/** All that a picture depends on. */
export interface Scene {
  view: View
  /** Pixels of a point's width. */
  size: number
  lineColour: Rgba
}

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
  private readonly picture: ProgramInfo
  private readonly square: BufferInfo
  private pointBuffers: BufferInfo | undefined
  private lineBuffers: BufferInfo | undefined
  private shown: Picture
  private coming: Picture
  private scene: Scene | undefined
  /** Points of the picture that is being drawn that are in it; undefined: none is being drawn. */
  private drawn: number | undefined
  /** What is shown is no longer what is there. */
  private stale = true
  private share = 2 * FEWEST
  private asked = 0
  private before = 0

  /** Throws where the browser has no WebGL. */
  constructor(private readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext('webgl', { antialias: false, premultipliedAlpha: true })
    if (!gl) throw new Error('this browser draws no WebGL')
    this.gl = gl
    addExtensionsToContext(gl)
    this.points = createProgramInfo(gl, POINTS)
    this.lines = createProgramInfo(gl, LINES)
    this.picture = createProgramInfo(gl, PICTURE)
    this.square = createBufferInfoFromArrays(gl, { position: { numComponents: 2, data: [-1, -1, 1, -1, -1, 1, -1, 1, 1, -1, 1, 1] } })
    this.shown = this.newPicture()
    this.coming = this.newPicture()
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  }

  private newPicture(): Picture {
    const { LINEAR, CLAMP_TO_EDGE } = this.gl
    return { target: createFramebufferInfo(this.gl, [{ minMag: LINEAR, wrap: CLAMP_TO_EDGE }], 1, 1), view: undefined }
  }

  /** x, y of each; every point is invisible until it gets a colour. */
  setPoints(xy: Float32Array): void {
    this.pointBuffers = xy.length
      ? createBufferInfoFromArrays(this.gl, {
          position: { numComponents: 2, data: xy },
          colour: { numComponents: 4, data: new Uint8Array(xy.length * 2), normalize: true, drawType: this.gl.DYNAMIC_DRAW },
        })
      : undefined
    this.shown.view = undefined
    this.renew()
  }

  /** Red, green, blue and alpha of each point; without alpha it is not drawn. */
  setColours(rgba: Uint8Array): void {
    const colour = this.pointBuffers?.attribs?.['colour']
    if (colour) setAttribInfoBufferFromArray(this.gl, colour, rgba)
    this.renew()
  }

  /** x, y of both ends of each line. */
  setLines(ends: Float32Array): void {
    this.lineBuffers = ends.length
      ? createBufferInfoFromArrays(this.gl, { position: { numComponents: 2, data: ends } })
      : undefined
    this.renew()
  }

  private renew(): void {
    this.stale = true
    this.drawn = undefined
    this.ask()
  }

  /** Shows this from the next frame on. */
  show(scene: Scene): void {
    if (this.scene && (scene.size !== this.scene.size || scene.lineColour !== this.scene.lineColour)) this.stale = true
    this.scene = scene
    this.ask()
  }

  private ask(): void {
    this.asked ||= requestAnimationFrame((now) => this.frame(now))
  }

  private frame(now: number): void {
    this.asked = 0
    const { scene } = this
    if (!scene?.view.width || this.gl.isContextLost()) return
    const passed = now - this.before
    this.before = now
    if (this.drawn !== undefined) {
      if (passed > SLOW_MS) this.share = Math.max(FEWEST, this.share / 2)
      else if (passed < FAST_MS) this.share = Math.min(MOST, this.share * 1.5)
    }
    const current = () => !this.stale && this.shown.view === scene.view
    if (this.drawn === undefined && !current()) this.begin(scene)
    if (this.drawn !== undefined) this.drawMore(scene)
    this.present(scene.view)
    if (this.drawn !== undefined || !current()) this.ask()
  }

  private get dense(): number {
    return Math.min(2, devicePixelRatio || 1)
  }

  private begin(scene: Scene): void {
    const { gl, coming } = this
    const pixels = (side: number) => Math.round(side * this.dense) + 2 * Math.round(side * MARGIN * this.dense)
    const [width, height] = [pixels(scene.view.width), pixels(scene.view.height)]
    if (coming.target.width !== width || coming.target.height !== height) {
      const { LINEAR, CLAMP_TO_EDGE } = gl
      resizeFramebufferInfo(gl, coming.target, [{ minMag: LINEAR, wrap: CLAMP_TO_EDGE }], width, height)
    }
    coming.view = scene.view
    bindFramebufferInfo(gl, coming.target)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
    this.stale = false
    this.drawn = 0
    this.draw(this.lines, this.lineBuffers, { ...this.placed(coming), colour: scene.lineColour }, gl.LINES)
  }

  private drawMore(scene: Scene): void {
    const { gl, coming } = this
    const all = this.pointBuffers?.numElements ?? 0
    const from = this.drawn ?? 0
    const count = Math.min(Math.round(this.share), all - from)
    bindFramebufferInfo(gl, coming.target)
    this.draw(this.points, this.pointBuffers, { ...this.placed(coming), size: scene.size * this.dense }, gl.POINTS, count, from)
    this.drawn = from + count
    if (this.drawn < all) return
    this.drawn = undefined
    ;[this.shown, this.coming] = [coming, this.shown]
  }

  /** From the unit square to the clip space of a picture. */
  private placed({ view, target }: Picture): { scale: number[]; origin: number[] } {
    const { scale, origin, width, height } = view as View
    const [across, down] = [(2 * this.dense) / target.width, (2 * this.dense) / target.height]
    return { scale: [scale * across, -scale * down], origin: [(origin[0] - width / 2) * across, (height / 2 - origin[1]) * down] }
  }

  /** The last whole picture, where it belongs in `view`. */
  private present(view: View): void {
    const { gl, canvas, shown } = this
    const [width, height] = [Math.round(view.width * this.dense), Math.round(view.height * this.dense)]
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    bindFramebufferInfo(gl, null)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
    if (!shown.view) return
    const grown = view.scale / shown.view.scale
    const [x, y] = view.toPixels(shown.view.toPlane([shown.view.width / 2, shown.view.height / 2]))
    const { target } = shown
    const uniforms = {
      scale: [(grown * target.width) / width, (grown * target.height) / height],
      origin: [(2 * x) / view.width - 1, 1 - (2 * y) / view.height],
      picture: target.attachments[0],
    }
    this.draw(this.picture, this.square, uniforms, gl.TRIANGLES)
  }

  private draw(program: ProgramInfo, buffers: BufferInfo | undefined, uniforms: object, kind: number, count?: number, from = 0): void {
    if (!buffers) return
    this.gl.useProgram(program.program)
    setBuffersAndAttributes(this.gl, program, buffers)
    setUniforms(program, uniforms as Record<string, unknown>)
    drawBufferInfo(this.gl, buffers, kind, count ?? buffers.numElements, from)
  }

  free(): void {
    cancelAnimationFrame(this.asked)
    this.gl.getExtension('WEBGL_lose_context')?.loseContext()
  }
}
