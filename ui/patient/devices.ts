// Camera and microphone of whoever opened the page, and how loud it is.

/** What was asked for and what was given. */
export interface Own {
  readonly stream: MediaStream;
  readonly words: string;
  /** Whether asking again can help. */
  readonly lacking: boolean;
}

async function ask(constraints: MediaStreamConstraints): Promise<MediaStream | undefined> {
  try {
    return await navigator.mediaDevices.getUserMedia(constraints);
  } catch {
    return undefined;
  }
}

/** Asks for both, then for one of them: a visit without a picture is better than none. */
export async function open(camera?: string, microphone?: string): Promise<Own> {
  const video = {
    width: { ideal: 640 },
    height: { ideal: 360 },
    frameRate: { ideal: 30 },
    ...(camera ? { deviceId: { exact: camera } } : {}),
  };
  const audio = microphone ? { deviceId: { exact: microphone } } : true;
  const both = await ask({ video, audio });
  if (both) {
    return { stream: both, words: 'Camera and microphone work.', lacking: false };
  }
  const heard = await ask({ audio });
  if (heard) {
    return {
      stream: heard,
      words:
        'Your microphone works. There is no camera, or it is in use or not allowed: the clinician will hear you and not see you.',
      lacking: true,
    };
  }
  const seen = await ask({ video });
  if (seen) {
    return {
      stream: seen,
      words:
        'Your camera works. There is no microphone, or it is in use or not allowed: the clinician will see you and not hear you.',
      lacking: true,
    };
  }
  return {
    stream: new MediaStream(),
    words:
      'Neither camera nor microphone can be used. Allow them in the bar of your browser and ask again. You can join without them: you will see and hear the clinician.',
    lacking: true,
  };
}

/** Fills the two menus with what there is. */
export async function list(
  cameras: HTMLSelectElement,
  microphones: HTMLSelectElement,
  own: MediaStream,
): Promise<void> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  for (const [menu, kind, track] of [
    [cameras, 'videoinput', own.getVideoTracks()[0]],
    [microphones, 'audioinput', own.getAudioTracks()[0]],
  ] as const) {
    const used = track?.getSettings().deviceId;
    const found = devices.filter((device) => device.kind === kind && device.deviceId !== '');
    menu.replaceChildren(
      ...found.map((device, index) => {
        const label = device.label || `${menu.labels[0]?.textContent ?? ''} ${index + 1}`;
        return new Option(label, device.deviceId, false, device.deviceId === used);
      }),
    );
    menu.disabled = found.length === 0;
  }
}

/** Shows on the meter how loud it is, until stopped. */
export function meter(stream: MediaStream, shown: HTMLMeterElement): () => void {
  if (stream.getAudioTracks().length === 0) {
    shown.value = 0;
    return () => undefined;
  }
  const audio = new AudioContext();
  const analyser = audio.createAnalyser();
  analyser.fftSize = 1024;
  audio.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const decibels = 10 * Math.log10(Math.max(power, 1e-6));
    shown.value = Math.max(0, Math.min(100, ((decibels + 60) / 60) * 100));
  }, 100);
  return () => {
    clearInterval(timer);
    // Stopped in the waiting room, and once more at the end.
    if (audio.state !== 'closed') {
      void audio.close();
    }
  };
}
