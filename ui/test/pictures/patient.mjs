// The page of patients and guests, pictured with a clinic, devices and a call made up in the browser.

/** Runs in the page before it: the line to the clinic, camera and microphone, and the call. */
export function standIn() {
  /** A picture that moves a little, as a stream. */
  const stream = (width, height, draw) => {
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const brush = canvas.getContext('2d');
    const moving = canvas.captureStream(10);
    draw(brush);
    // The clock of the page stands still: pictures are drawn when somebody asks.
    window.redraw = [...(window.redraw ?? []), () => draw(brush)];
    return moving;
  };
  const person = (brush, x, y, width, height, ground, name) => {
    brush.fillStyle = ground;
    brush.fillRect(x, y, width, height);
    brush.fillStyle = '#d9c2ac';
    brush.beginPath();
    brush.arc(x + width / 2, y + height * 0.42, height * 0.2, 0, 7);
    brush.fill();
    brush.fillStyle = '#31485a';
    brush.beginPath();
    brush.ellipse(x + width / 2, y + height, width * 0.24, height * 0.36, 0, 0, 7);
    brush.fill();
    brush.fillStyle = '#ffffff';
    brush.font = `${Math.round(height / 14)}px sans-serif`;
    brush.fillText(name, x + 8, y + height - 10);
  };
  const sound = () => {
    const audio = new AudioContext();
    return audio.createMediaStreamDestination().stream.getAudioTracks()[0];
  };
  navigator.mediaDevices.getUserMedia = async () => {
    const own = stream(640, 360, (brush) =>
      person(brush, 0, 0, 640, 360, '#8a7f6c', 'own picture'),
    );
    return new MediaStream([...own.getVideoTracks(), sound()]);
  };
  navigator.mediaDevices.enumerateDevices = async () => [];
  window.WebSocket = class {
    static OPEN = 1;
    readyState = 1;
    constructor() {
      window.hear = (word) => this.onmessage({ data: JSON.stringify(word) });
      queueMicrotask(() => this.onopen());
    }
    send() {}
    close() {}
  };
  window.RTCPeerConnection = class {
    iceGatheringState = 'complete';
    connectionState = 'new';
    localDescription = { sdp: 'v=0' };
    constructor() {
      window.comes = (height) => {
        const picture = stream(640, height, (brush) => {
          person(brush, 0, 0, 640, 360, '#5c7f86', 'the clinician');
          if (height > 360) {
            person(brush, 0, 360, 320, 180, '#7d6a86', 'guest');
            person(brush, 320, 360, 320, 180, '#6a8670', 'guest');
          }
        });
        this.ontrack({ track: picture.getVideoTracks()[0] });
        this.connectionState = 'connected';
        this.onconnectionstatechange();
      };
    }
    addTransceiver() {
      return { setCodecPreferences() {} };
    }
    getReceivers() {
      return [];
    }
    async getStats() {
      return new Map();
    }
    async createOffer() {
      return {};
    }
    async setLocalDescription() {}
    close() {}
  };
}

const steps =
  (...all) =>
  async (page) => {
    for (const step of all) {
      await step(page);
      await page.clock.runFor(400);
    }
  };
const hear = (word) => (page) => page.evaluate((one) => window.hear(one), word);
const wait = (guest, before) => hear({ type: 'waiting', seat: '1', clinic: CLINIC, before, guest });

const CLINIC = 'Harbour Street Clinic';
const check = steps(
  (page) => page.locator('#name').fill('Ada Alder'),
  (page) => page.locator('#name-form button').click(),
  (page) => page.locator('#check-words', { hasText: 'work' }).waitFor(),
);
const join = (guest, before) =>
  steps(
    check,
    (page) => page.locator('#join').click(),
    (page) => page.waitForFunction(() => window.hear),
    wait(guest, before),
  );
/** A picture of this height comes, and is decoded. */
const comes = (height) => async (page) => {
  await page.waitForFunction(() => window.comes);
  await page.evaluate((all) => window.comes(all), height);
  for (let look = 0; look < 200; look += 1) {
    const there = await page.evaluate(() => {
      for (const draw of window.redraw) {
        draw();
      }
      const theirs = document.querySelector('#theirs');
      return theirs.readyState >= 2 && theirs.videoHeight > 0;
    });
    if (there) {
      return;
    }
    await page.waitForTimeout(50);
  }
  throw new Error('no picture was decoded');
};
const call = (guest, height, others, ...more) =>
  steps(
    join(guest, 0),
    hear({ type: 'admitted', call: 1, relays: [] }),
    hear({ type: 'company', others }),
    comes(height),
    ...more,
  );

const PATIENT = { kind: null, name: null };
const INTERPRETER = { kind: 'interpreter', name: 'Maria Ortega' };
const FAMILY = { kind: 'family', name: 'أمينة' };
const phone = { width: 375, height: 667 };
const small = { width: 1024, height: 600 };

const one = (name, act, more = {}) => ({ name: `patient-${name}`, patient: true, act, ...more });
const both = (name, act, more = {}) => [
  one(name, act, more),
  one(`${name}-dark`, act, { ...more, setting: { theme: 'dark' } }),
];

/** What is pictured of it. */
export const PATIENT_SHOTS = [
  ...both('name', undefined),
  one('check', check),
  ...both('waiting', join(false, 1)),
  ...both('waiting-guest', join(true, 0)),
  one('waiting-guest-phone', join(true, 0), { viewport: phone }),
  ...both('call', call(false, 360, [])),
  ...both('call-company', call(false, 540, [INTERPRETER, FAMILY])),
  one('call-company-small', call(false, 540, [INTERPRETER, FAMILY]), { viewport: small }),
  ...both('call-company-phone', call(false, 540, [INTERPRETER, FAMILY]), { viewport: phone }),
  one('call-guest-phone', call(true, 540, [PATIENT, FAMILY]), { viewport: phone }),
  ...both(
    'call-shown',
    call(false, 540, [INTERPRETER, FAMILY], hear({ type: 'sharing', on: true })),
  ),
  one(
    'call-shown-phone',
    call(false, 540, [INTERPRETER, FAMILY], hear({ type: 'sharing', on: true })),
    { viewport: phone },
  ),
  one('over-guest', steps(call(true, 540, [PATIENT]), hear({ type: 'ended' }))),
];
