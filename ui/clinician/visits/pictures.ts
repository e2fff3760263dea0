// Pictures of a call: from the program over a socket of this computer, drawn by the graphics
// card. The next one is asked for when the last one is drawn, so that nothing ever queues.

const VERTEX = `#version 300 es
out vec2 at;
void main() {
  vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

// BT.601, as cameras and browsers send small pictures.
const FRAGMENT = `#version 300 es
precision mediump float;
uniform sampler2D luma, blue, red;
in vec2 at;
out vec4 colour;
void main() {
  float y = 1.164 * (texture(luma, at).r - 0.0625);
  float u = texture(blue, at).r - 0.5;
  float v = texture(red, at).r - 0.5;
  colour = vec4(y + 1.596 * v, y - 0.391 * u - 0.813 * v, y + 2.018 * u, 1.0);
}`;

/** Width and height come before the planes. */
const HEADER = 8;

function shader(gl: WebGL2RenderingContext, kind: number, source: string): WebGLShader | null {
  const made = gl.createShader(kind);
  if (made) {
    gl.shaderSource(made, source);
    gl.compileShader(made);
  }
  return made;
}

/** Draws planar pictures on a canvas; nothing where the computer cannot. */
function painter(canvas: HTMLCanvasElement): ((bytes: ArrayBuffer) => void) | null {
  const gl = canvas.getContext('webgl2', { alpha: false, preserveDrawingBuffer: true });
  const program = gl?.createProgram();
  const vertex = gl && shader(gl, gl.VERTEX_SHADER, VERTEX);
  const fragment = gl && shader(gl, gl.FRAGMENT_SHADER, FRAGMENT);
  if (!gl || !program || !vertex || !fragment) {
    return null;
  }
  gl.attachShader(program, vertex);
  gl.attachShader(program, fragment);
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  for (const [unit, name] of ['luma', 'blue', 'red'].entries()) {
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
      gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
    }
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
      gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
    }
    gl.uniform1i(gl.getUniformLocation(program, name), unit);
  }
  return (bytes) => {
    if (bytes.byteLength < HEADER) {
      gl.clear(gl.COLOR_BUFFER_BIT);
      return;
    }
    const header = new DataView(bytes);
    const [width, height] = [header.getUint32(0, true), header.getUint32(4, true)];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      gl.viewport(0, 0, width, height);
    }
    const luma = width * height;
    let from = HEADER;
    for (const [unit, part] of [1, 2, 2].entries()) {
      const size = luma / (part * part);
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.texImage2D(
        gl.TEXTURE_2D,
        0,
        gl.R8,
        width / part,
        height / part,
        0,
        gl.RED,
        gl.UNSIGNED_BYTE,
        new Uint8Array(bytes, from, size),
      );
      from += size;
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  };
}

/** Draws what comes from an address until stopped. `drawn` hears of each picture. */
export function watch(url: string, canvas: HTMLCanvasElement, drawn: (empty: boolean) => void) {
  const paint = painter(canvas);
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }) => {
    const bytes = data as ArrayBuffer;
    requestAnimationFrame(() => {
      paint?.(bytes);
      drawn(bytes.byteLength < HEADER);
      if (socket.readyState === WebSocket.OPEN) {
        socket.send('drawn');
      }
    });
  };
  return () => socket.close();
}
