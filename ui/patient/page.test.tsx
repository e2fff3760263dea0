// The patient's page, screen by screen, as a patient meets it with good and with lacking devices.
import { readFileSync } from 'node:fs';
import userEvent from '@testing-library/user-event';
import axe from 'axe-core';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { FromServer, ToServer } from './words.ts';

interface Track {
  readonly kind: 'audio' | 'video';
  enabled: boolean;
  readonly stop: () => void;
  readonly getSettings: () => { deviceId: string };
}

class Stream {
  constructor(private readonly tracks: Track[] = []) {}
  getTracks() {
    return this.tracks;
  }
  getAudioTracks() {
    return this.tracks.filter((track) => track.kind === 'audio');
  }
  getVideoTracks() {
    return this.tracks.filter((track) => track.kind === 'video');
  }
  addTrack(track: Track) {
    this.tracks.push(track);
  }
}

/** The line to the clinic: what the page said, and a way to answer. */
class Line {
  static last: Line | undefined;
  static readonly OPEN = 1;
  readyState = 1;
  said: ToServer[] = [];
  onopen: () => void = () => undefined;
  onmessage: (event: { data: string }) => void = () => undefined;
  onclose: () => void = () => undefined;
  constructor() {
    Line.last = this;
    queueMicrotask(() => this.onopen());
  }
  send(text: string) {
    this.said.push(JSON.parse(text) as ToServer);
  }
  close() {}
  hear(word: FromServer) {
    this.onmessage({ data: JSON.stringify(word) });
  }
}

class Connection {
  iceGatheringState = 'complete';
  connectionState = 'new';
  localDescription = { sdp: 'v=0' };
  addTransceiver() {
    return { setCodecPreferences: () => undefined };
  }
  async createOffer() {
    return {};
  }
  async setLocalDescription() {}
  close() {}
}

function track(kind: 'audio' | 'video'): Track {
  return {
    kind,
    enabled: true,
    stop: () => undefined,
    getSettings: () => ({ deviceId: kind }),
  };
}

/** Opens the page on a computer that gives these and no others. */
async function open(given: readonly ('audio' | 'video')[], hash = '#token') {
  vi.resetModules();
  vi.stubGlobal('MediaStream', Stream);
  vi.stubGlobal('WebSocket', Line);
  vi.stubGlobal('RTCPeerConnection', Connection);
  vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => null });
  vi.stubGlobal(
    'AudioContext',
    class {
      createAnalyser() {
        return { fftSize: 0, getFloatTimeDomainData: () => undefined };
      }
      createMediaStreamSource() {
        return { connect: () => undefined };
      }
      state = 'running';
      async close() {
        if (this.state === 'closed') {
          throw new DOMException('', 'InvalidStateError');
        }
        this.state = 'closed';
      }
    },
  );
  const asked = async (wish: MediaStreamConstraints) => {
    const kinds = (['audio', 'video'] as const).filter((kind) => wish[kind]);
    if (kinds.some((kind) => !given.includes(kind))) {
      // The same for denied, lacking and in use by another program.
      throw new DOMException('', 'NotAllowedError');
    }
    return new Stream(kinds.map(track));
  };
  vi.stubGlobal('navigator', {
    ...navigator,
    mediaDevices: { getUserMedia: asked, enumerateDevices: async () => [] },
  });
  location.hash = hash;
  document.documentElement.lang = 'en';
  document.title = 'Video visit';
  const page = readFileSync('patient/index.html', 'utf8');
  document.body.innerHTML = page.slice(page.indexOf('<main'), page.indexOf('<script'));
  await import('./main.ts');
  return userEvent.setup();
}

function shown(): string | undefined {
  return document.querySelector<HTMLElement>('[data-screen]:not([hidden])')?.dataset.screen;
}

/** No violation at all, of WCAG 2.2 A and AA. Colours need layout: see `style.css`. */
async function isAccessible(): Promise<void> {
  const { violations } = await axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    rules: { 'color-contrast': { enabled: false } },
  });
  expect(violations.map((one) => `${one.id}: ${one.nodes.map((n) => n.html).join()}`)).toEqual([]);
}

async function goTo(user: ReturnType<typeof userEvent.setup>, guest = false): Promise<Line> {
  await user.type(document.querySelector('#name') as HTMLElement, 'Ada Lee');
  await user.click(document.querySelector('#name-form button') as HTMLElement);
  await vi.waitFor(() => expect(words('#check-words')).not.toContain('Please allow'));
  await isAccessible();
  await user.click(document.querySelector('#join') as HTMLElement);
  const line = Line.last as Line;
  await vi.waitFor(() => expect(line.said).toHaveLength(1));
  expect(line.said[0]).toEqual({ type: 'join', token: 'token', name: 'Ada Lee' });
  line.hear({ type: 'waiting', seat: '1', clinic: 'North Clinic', before: 0, guest });
  await vi.waitFor(() => expect(shown()).toBe('waiting'));
  return line;
}

function words(selector: string): string {
  return document.querySelector(selector)?.textContent ?? '';
}

beforeEach(() => {
  HTMLMediaElement.prototype.play = async () => undefined;
});

afterEach(() => {
  vi.unstubAllGlobals();
  document.body.innerHTML = '';
});

it('t1 every screen of the page can be used by everybody', async () => {
  await open([], '');
  expect(shown()).toBe('no-link');
  await isAccessible();
  const user = await open(['audio', 'video']);
  expect(shown()).toBe('name');
  await isAccessible();
  const line = await goTo(user);
  expect(words('#waiting-words')).toContain('You are next.');
  await isAccessible();
  line.hear({ type: 'admitted', call: 1, relays: [] });
  await vi.waitFor(() => expect(line.said.at(-1)).toMatchObject({ type: 'offer', call: 1 }));
  expect(shown()).toBe('call');
  expect(document.activeElement?.tagName).toBe('H1');
  await user.click(document.querySelector('#mute') as HTMLElement);
  await isAccessible();
  await user.click(document.querySelector('[data-screen=call] [data-leave]') as HTMLElement);
  expect(shown()).toBe('left');
  await isAccessible();
});

it('t1 shows large what the clinician shows, and says so', async () => {
  const line = await goTo(await open(['audio', 'video']));
  line.hear({ type: 'admitted', call: 1, relays: [] });
  await vi.waitFor(() => expect(shown()).toBe('call'));
  const large = () => document.body.classList.contains('sharing');
  expect(large()).toBe(false);
  line.hear({ type: 'sharing', on: true });
  await vi.waitFor(() => expect(words('#sharing-words')).toContain('showing you something'));
  expect(large()).toBe(true);
  expect(document.querySelector('#theirs')?.getAttribute('aria-label')).toContain('shows you');
  await isAccessible();
  line.hear({ type: 'sharing', on: false });
  await vi.waitFor(() => expect(words('#sharing-words')).toBe(''));
  expect(large()).toBe(false);
  // What was shown in one call is not taken for shown in the next.
  line.hear({ type: 'sharing', on: true });
  await vi.waitFor(() => expect(large()).toBe(true));
  line.hear({ type: 'admitted', call: 2, relays: [] });
  await vi.waitFor(() => expect(large()).toBe(false));
  line.hear({ type: 'sharing', on: true });
  line.hear({ type: 'waiting', seat: '', clinic: 'North Clinic', before: 0, guest: false });
  await vi.waitFor(() => expect(large()).toBe(false));
});

/** What stands before a guest is asked in is true for patients as well as guests. */
it('t1 says to guests what is true for them, and to nobody whose clinician it is', async () => {
  const user = await open(['audio', 'video']);
  expect(words('main')).not.toMatch(/your clinician/i);
  const line = await goTo(user, true);
  expect(words('#waiting-words')).toBe(
    'North Clinic knows that you are here. The clinician will ask you in once the patient is in the call.',
  );
  await isAccessible();
  line.hear({ type: 'admitted', call: 1, relays: [] });
  await vi.waitFor(() => expect(shown()).toBe('call'));
  line.hear({
    type: 'company',
    others: [
      { kind: 'family', name: 'Jo' },
      { kind: null, name: null },
    ],
  });
  await vi.waitFor(() =>
    expect(words('#company-words')).toBe(
      'In this call: the patient, the clinician, and a family member or friend (Jo).',
    ),
  );
  expect(document.querySelector('#theirs')?.getAttribute('aria-label')).toBe(
    'The clinician, and below it the others in this call',
  );
  line.hear({ type: 'ended' });
  await vi.waitFor(() => expect(shown()).toBe('over'));
  expect(words('#over-words')).toContain('Your part in the visit has ended');
  await isAccessible();
});

it('t1 says who else is in the call, with what they typed as text alone', async () => {
  const line = await goTo(await open(['audio', 'video']));
  line.hear({ type: 'admitted', call: 1, relays: [] });
  await vi.waitFor(() => expect(shown()).toBe('call'));
  expect(words('#company-words')).toBe('');
  line.hear({
    type: 'company',
    others: [
      { kind: 'interpreter', name: '<img src=x onerror=alert(1)>' },
      { kind: 'other', name: null },
    ],
  });
  await vi.waitFor(() =>
    expect(words('#company-words')).toBe(
      'Also in this call: an interpreter (<img src=x onerror=alert(1)>) and another guest.',
    ),
  );
  expect(document.querySelector('#company-words img')).toBeNull();
  expect(document.querySelector('#company-words bdi')?.textContent).toContain('<img');
  expect(document.querySelector('#company-words')?.getAttribute('role')).toBe('status');
  expect(document.body.classList.contains('company')).toBe(true);
  await isAccessible();
  // The same once more is no change to be read out.
  const said = document.querySelector('#company-words')?.firstChild;
  const again: FromServer = {
    type: 'company',
    others: [
      { kind: 'interpreter', name: '<img src=x onerror=alert(1)>' },
      { kind: 'other', name: null },
    ],
  };
  line.hear(again);
  line.hear({ type: 'sharing', on: true });
  await vi.waitFor(() => expect(document.body.classList.contains('sharing')).toBe(true));
  expect(document.querySelector('#company-words')?.firstChild).toBe(said);
  line.hear({ type: 'company', others: [] });
  await vi.waitFor(() => expect(words('#company-words')).toBe(''));
  expect(document.body.classList.contains('company')).toBe(false);
  // Nor is the company of one call taken for that of the next, or of the waiting room.
  const endings: FromServer[] = [
    { type: 'admitted', call: 2, relays: [] },
    { type: 'waiting', seat: '', clinic: 'North Clinic', before: 0, guest: false },
    { type: 'ended' },
  ];
  for (const word of endings) {
    line.hear(again);
    await vi.waitFor(() => expect(document.body.classList.contains('company')).toBe(true));
    line.hear(word);
    await vi.waitFor(() => expect(words('#company-words')).toBe(''));
    expect(document.body.classList.contains('company')).toBe(false);
  }
});

it('t1 gives the stage the shape of the picture that comes', async () => {
  const line = await goTo(await open(['audio', 'video']));
  line.hear({ type: 'admitted', call: 1, relays: [] });
  await vi.waitFor(() => expect(shown()).toBe('call'));
  const shape = () =>
    Number(document.querySelector<HTMLElement>('.stage')?.style.getPropertyValue('--shape'));
  const comes = (width: number, height: number, event = 'resize') => {
    const theirs = document.querySelector('#theirs') as HTMLVideoElement;
    Object.defineProperty(theirs, 'videoWidth', { value: width, configurable: true });
    Object.defineProperty(theirs, 'videoHeight', { value: height, configurable: true });
    theirs.dispatchEvent(new Event(event));
  };
  comes(640, 360, 'loadedmetadata');
  expect(shape()).toBeCloseTo(16 / 9, 3);
  comes(640, 540);
  expect(shape()).toBeCloseTo(640 / 540, 3);
  comes(0, 0);
  expect(shape()).toBeCloseTo(640 / 540, 3);
  line.hear({ type: 'admitted', call: 2, relays: [] });
  await vi.waitFor(() => expect(shape()).toBeCloseTo(16 / 9, 3));
});

it('t1 says why somebody is not let in, and what to do', async () => {
  const line = await goTo(await open(['audio', 'video']));
  line.hear({ type: 'refused', reason: 'occupied' });
  await vi.waitFor(() => expect(shown()).toBe('refused'));
  expect(words('#refused-words')).toContain('try again');
  await isAccessible();
  line.hear({ type: 'ended' });
  await vi.waitFor(() => expect(shown()).toBe('over'));
  await isAccessible();
});

it.each([
  [['video'], 'see you and not hear you'],
  [['audio'], 'hear you and not see you'],
  [[], 'You can join without them'],
] as const)('t2 goes on with what there is: %j', async (given, told) => {
  const line = await goTo(await open(given));
  expect(words('#check-words')).toContain(told);
  expect(document.querySelector<HTMLElement>('#try-again')?.hidden).toBe(false);
  line.hear({ type: 'admitted', call: 1, relays: [] });
  await vi.waitFor(() => expect(line.said.at(-1)).toMatchObject({ type: 'offer' }));
  expect(shown()).toBe('call');
});
