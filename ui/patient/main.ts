// The page that a patient or a guest opens for a video visit. It keeps nothing: the link is in the
// address, the seat in memory, and both are gone with the page.
import { begin, type Call, type Standing } from './call.ts';
import * as devices from './devices.ts';
import { stageOf } from './stage.ts';
import { type FromServer, over, REFUSED, type ToServer, waiting } from './words.ts';

type Screen = 'no-link' | 'name' | 'check' | 'waiting' | 'call' | 'refused' | 'left' | 'over';

function at<T extends Element>(selector: string): T {
  const found = document.querySelector<T>(selector);
  if (!found) {
    throw new Error(selector);
  }
  return found;
}

const STANDING: Record<Standing, string> = {
  connecting: 'Connecting to the clinician…',
  flowing: '',
  poor: 'The network is poor. Sound comes first; the picture will follow.',
  interrupted: 'The connection was interrupted. We are trying again; please stay here.',
  forged:
    'This call was stopped for your safety: the other side could not prove who it is. Please call the clinic.',
};
/** Pauses before the line to the clinic is tried again. */
const AGAIN = [500, 1000, 2000, 4000];

const token = location.hash.slice(1);
let name = '';
let seat = '';
let own = new MediaStream();
let stopMeter: () => void = () => undefined;
let line: WebSocket | undefined;
let call: Call | undefined;
let tries = 0;
let stays = false;
/** Whether the link is a guest's: known once the clinic answered. */
let guest = false;
const stage = stageOf(at('#theirs'), at('#company-words'), at('#sharing-words'), () => guest);

function show(screen: Screen): void {
  let heading: HTMLElement | null = null;
  for (const section of document.querySelectorAll<HTMLElement>('[data-screen]')) {
    const shown = section.dataset.screen === screen;
    if (shown && section.hidden) {
      heading = section.querySelector('h1');
    }
    section.hidden = !shown;
  }
  // Screen readers and keyboards begin where the eye does.
  heading?.focus();
}

function say(word: ToServer): void {
  if (line?.readyState === WebSocket.OPEN) {
    line.send(JSON.stringify(word));
  }
}

function picture(): void {
  for (const id of ['#check-picture', '#waiting-picture', '#own']) {
    at<HTMLVideoElement>(id).srcObject = own;
  }
}

async function openDevices(): Promise<void> {
  const camera = at<HTMLSelectElement>('#camera');
  const microphone = at<HTMLSelectElement>('#microphone');
  for (const track of own.getTracks()) {
    track.stop();
  }
  stopMeter();
  const given = await devices.open(camera.value || undefined, microphone.value || undefined);
  own = given.stream;
  at('#check-words').textContent = given.words;
  at<HTMLButtonElement>('#try-again').hidden = !given.lacking;
  picture();
  stopMeter = devices.meter(own, at('#level'));
  await devices.list(camera, microphone, own);
}

function stop(): void {
  stays = false;
  stage.clear();
  call?.close();
  call = undefined;
  line?.close();
  line = undefined;
  stopMeter();
  for (const track of own.getTracks()) {
    track.stop();
  }
  own = new MediaStream();
}

function told(standing: Standing): void {
  const words = at('#call-words');
  if (words.textContent !== STANDING[standing]) {
    words.textContent = STANDING[standing];
  }
}

async function heard(word: FromServer): Promise<void> {
  switch (word.type) {
    case 'waiting':
      seat = word.seat || seat;
      tries = 0;
      call?.close();
      call = undefined;
      guest = word.guest;
      stage.clear();
      stopMeter();
      at('#waiting-words').textContent = waiting(word.clinic, word.before, guest);
      at('#over-words').textContent = over(guest);
      show('waiting');
      break;
    case 'admitted': {
      call?.close();
      // Told anew with each call.
      stage.clear();
      const begun = begin(word.call, word.relays, own, at('#theirs'), told);
      call = begun;
      show('call');
      const sdp = await begun.offer;
      if (call === begun) {
        say({ type: 'offer', call: begun.number, sdp });
      }
      break;
    }
    case 'answer':
      if (call?.number === word.call) {
        await call.answer(word.sdp, word.fingerprint);
      }
      break;
    case 'company':
      stage.company(word.others);
      break;
    case 'sharing':
      stage.sharing(word.on);
      break;
    case 'ended':
      stop();
      show('over');
      break;
    case 'refused': {
      stays = false;
      const { words, again } = REFUSED[word.reason];
      if (word.reason === 'ended') {
        stop();
        show('over');
        break;
      }
      seat = '';
      at('#refused-words').textContent = words;
      at<HTMLButtonElement>('#join-again').hidden = !again;
      show('refused');
      break;
    }
  }
}

function join(): void {
  stays = true;
  const address = `${location.origin.replace(/^http/, 'ws')}/visit/line`;
  const socket = new WebSocket(address);
  line = socket;
  socket.onopen = () => say(seat ? { type: 'return', token, seat } : { type: 'join', token, name });
  socket.onmessage = ({ data }) => {
    void heard(JSON.parse(String(data)) as FromServer);
  };
  socket.onclose = () => {
    if (!stays || line !== socket) {
      return;
    }
    told('interrupted');
    at('#waiting-words').textContent = STANDING.interrupted;
    const pause = AGAIN[Math.min(tries, AGAIN.length - 1)] ?? 4000;
    tries += 1;
    setTimeout(() => stays && join(), pause);
  };
}

function toggle(button: HTMLButtonElement, kind: 'audio' | 'video', words: [string, string]): void {
  button.addEventListener('click', () => {
    const off = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', String(off));
    button.textContent = off ? words[1] : words[0];
    for (const track of own.getTracks()) {
      if (track.kind === kind) {
        track.enabled = !off;
      }
    }
  });
}

at('#name-form').addEventListener('submit', (event) => {
  event.preventDefault();
  name = at<HTMLInputElement>('#name').value.trim();
  if (name !== '') {
    show('check');
    void openDevices();
  }
});
for (const id of ['#camera', '#microphone']) {
  at(id).addEventListener('change', () => void openDevices());
}
at('#try-again').addEventListener('click', () => void openDevices());
at('#join').addEventListener('click', join);
at('#join-again').addEventListener('click', join);
at('#rejoin').addEventListener('click', () => {
  seat = '';
  show('check');
  void openDevices();
});
for (const button of document.querySelectorAll('[data-leave]')) {
  button.addEventListener('click', () => {
    say({ type: 'leave' });
    stop();
    show('left');
  });
}
toggle(at('#mute'), 'audio', ['Mute', 'Muted: unmute']);
toggle(at('#hide'), 'video', ['Camera off', 'Camera is off: turn on']);
addEventListener('pagehide', () => say({ type: 'leave' }));
show(token === '' ? 'no-link' : 'name');
