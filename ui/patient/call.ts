// One connection to the clinician's computer. A rejoin is a new one.
import { fingerprint, type Relay } from './words.ts';

/** Candidates found by then are told … */
const GATHER = 1500;
/** … and once a relay is among them, nothing else is waited for longer than this. */
const RELAYED = 100;
const LOOK = 1000;

/** What becomes of a call. */
export type Standing = 'connecting' | 'flowing' | 'poor' | 'interrupted' | 'forged';

/** The call that goes on. */
export interface Call {
  readonly number: number;
  readonly offer: Promise<string>;
  readonly answer: (sdp: string, named: string) => Promise<void>;
  readonly use: (own: MediaStream) => Promise<void>;
  readonly close: () => void;
}

/** H.264 as every browser and the clinician's computer speak it. */
function prefer(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs.filter(
    (codec) =>
      codec.mimeType.toLowerCase() === 'video/rtx' ||
      (codec.mimeType.toLowerCase() === 'video/h264' &&
        codec.sdpFmtpLine?.includes('packetization-mode=1') &&
        codec.sdpFmtpLine.includes('profile-level-id=42e01f')),
  );
  if (codecs && codecs.length > 1) {
    transceiver.setCodecPreferences(codecs);
  }
}

/** Whether the other side's certificate is the one that was named, where browsers tell. */
async function holds(pc: RTCPeerConnection, named: string): Promise<boolean> {
  const transport = pc.getReceivers()[0]?.transport as
    | (RTCDtlsTransport & { getRemoteCertificates?: () => ArrayBuffer[] })
    | null
    | undefined;
  const certificate = transport?.getRemoteCertificates?.()[0];
  if (!certificate) {
    // The browser itself holds the connection to the description's fingerprint.
    return true;
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', certificate));
  const shown = [...digest].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase());
  return shown.join(':') === named;
}

/** Begins a call by offering a connection. */
export function begin(
  number: number,
  relays: Relay[],
  own: MediaStream,
  theirs: HTMLVideoElement,
  tell: (standing: Standing) => void,
): Call {
  const pc = new RTCPeerConnection({ iceServers: relays });
  let named = '';
  let frames = 0;
  let still = 0;
  for (const kind of ['audio', 'video'] as const) {
    const track = own.getTracks().find((one) => one.kind === kind);
    const transceiver = track
      ? pc.addTransceiver(track, { direction: 'sendrecv', streams: [own] })
      : pc.addTransceiver(kind, { direction: 'sendrecv' });
    if (kind === 'video') {
      prefer(transceiver);
    }
  }
  const stream = new MediaStream();
  pc.ontrack = ({ track }) => {
    stream.addTrack(track);
    theirs.srcObject = stream;
    theirs.play().catch(() => {
      // The browser waits for a touch; the picture begins with the next one.
    });
  };
  pc.onconnectionstatechange = async () => {
    if (pc.connectionState === 'connected') {
      if (!(await holds(pc, named))) {
        pc.close();
        tell('forged');
        return;
      }
      tell('flowing');
    } else if (pc.connectionState === 'disconnected' || pc.connectionState === 'failed') {
      tell('interrupted');
    }
  };
  const watch = setInterval(async () => {
    if (pc.connectionState !== 'connected') {
      return;
    }
    for (const report of (await pc.getStats()).values()) {
      if (report.type === 'inbound-rtp' && report.kind === 'video') {
        still = report.framesDecoded > frames ? 0 : still + 1;
        frames = report.framesDecoded;
      }
    }
    tell(still >= 3 ? 'poor' : 'flowing');
  }, LOOK);
  tell('connecting');
  const offer = (async () => {
    await pc.setLocalDescription(await pc.createOffer());
    await new Promise<void>((resolve) => {
      if (pc.iceGatheringState === 'complete') {
        resolve();
      }
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve();
      // Relays that do not answer would hold up the one that does.
      pc.onicecandidate = ({ candidate }) =>
        candidate?.type === 'relay' && setTimeout(resolve, RELAYED);
      setTimeout(resolve, GATHER);
    });
    return pc.localDescription?.sdp ?? '';
  })();
  return {
    number,
    offer,
    answer: async (sdp, value) => {
      if (fingerprint(sdp) !== value) {
        pc.close();
        tell('forged');
        return;
      }
      named = value;
      await pc.setRemoteDescription({ type: 'answer', sdp });
    },
    use: async (stream) => {
      for (const transceiver of pc.getTransceivers()) {
        const kind = transceiver.receiver.track.kind;
        const track = stream.getTracks().find((one) => one.kind === kind) ?? null;
        await transceiver.sender.replaceTrack(track);
      }
    },
    close: () => {
      clearInterval(watch);
      pc.close();
      theirs.srcObject = null;
    },
  };
}
