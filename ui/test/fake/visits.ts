// A video visit, its call and the devices of the computer.
import type {
  CallView,
  DevicesView,
  GuestKind,
  GuestView,
  PatientRow,
  ShareSourceView,
  VisitStage,
  VisitView,
} from '../../shared/bindings.ts';

/** Somebody who waits, or is in the call. */
export function visitOf(
  patients: PatientRow[],
  talking: boolean,
  guests: GuestView[] = [],
): VisitView {
  const patient = patients[0];
  return {
    appointment: 'app-0-0-11',
    patient: patient?.id ?? 'pat-1',
    patientName: patient?.name ?? 'Unnamed patient',
    patientDetail: '52 y · female',
    start: '2026-11-24T10:30:00-05:00',
    reason: 'Follow-up',
    stage: talking ? 'talking' : 'waiting',
    since: '2026-11-24T10:27:00-05:00',
    said: 'Ada A.',
    linkUntil: '2026-11-24T13:00:00-05:00',
    guests,
    canInvite: guests.length < 3,
  };
}

const GUESTS: readonly [GuestKind, string][] = [
  ['interpreter', 'Maria Ortega'],
  ['family', 'أمينة'],
  ['carer', 'Dr. Bartholomew Featherstonehaugh-Cholmondeley'],
];

/** A guest who was invited now. */
export function guestOf(guest: string, kind: GuestKind): GuestView {
  return {
    guest,
    kind,
    stage: 'invited',
    since: null,
    said: null,
    linkUntil: '2026-11-24T13:00:00-05:00',
  };
}

/** Guests who stand so. */
export function guestsOf(stages: readonly VisitStage[]): GuestView[] {
  return stages.map((stage, n) => {
    const [kind, name] = GUESTS[n] ?? ['other', 'Somebody'];
    const there = stage !== 'invited';
    return {
      ...guestOf(`guest-${n}`, kind),
      stage,
      since: there ? `2026-11-24T10:3${1 + n}:00-05:00` : null,
      said: there ? name : null,
    };
  });
}

/** Where guests stand in the call who were asked in. */
export function guestCalls(guests: readonly GuestView[]): CallView['guests'] {
  return guests
    .filter((guest) => guest.stage === 'talking' || guest.stage === 'interrupted')
    .map((guest, n) => ({
      guest: guest.guest,
      state: guest.stage === 'talking' ? 'talking' : 'interrupted',
      level: 30 + 20 * n,
      hasPicture: n === 0,
    }));
}

/** The call of that visit. */
export function callWith(visits: VisitView[]): CallView {
  return {
    appointment: visits[0]?.appointment ?? '',
    state: 'talking',
    quality: 'good',
    ownLevel: 42,
    theirLevel: 55,
    hasPicture: true,
    pictures: 300,
    troubles: [],
    devices: 1,
    canShare: true,
    sharing: null,
    guests: guestCalls(visits[0]?.guests ?? []),
  };
}

/** What is open on the computer. */
export function sourcesOf(): ShareSourceView[] {
  return [
    { id: 'window:1', name: 'Chest, 12 May 2026 – Image viewer', window: true },
    { id: 'window:2', name: 'Rounds', window: true },
    { id: 'screen:0', name: 'HDMI-1', window: false },
  ];
}

/** A laptop with a headset. */
export function devicesOf(): DevicesView {
  const lid = { id: 'lid', name: 'Built-in microphone' };
  const headset = { id: 'headset', name: 'USB headset' };
  const speakers = { id: 'speakers', name: 'Built-in speakers' };
  return {
    cameras: [{ id: 'camera', name: 'Built-in camera' }],
    microphones: [lid, headset],
    loudspeakers: [speakers, headset],
    camera: 'camera',
    microphone: 'headset',
    loudspeaker: 'headset',
    nextCamera: 'camera',
    nextMicrophone: 'headset',
  };
}

/** The same without the headset. */
export function headsetPulled(
  call: CallView | null,
  devices: DevicesView,
): { call: CallView | null; devices: DevicesView } {
  const rest = (all: DevicesView['microphones']) => all.filter((one) => one.id !== 'headset');
  const lost = { loss: 'gone', name: 'USB headset' } as const;
  return {
    call: call && {
      ...call,
      troubles: [
        { ...lost, kind: 'loudspeaker', instead: 'Built-in speakers' },
        { ...lost, kind: 'microphone', instead: 'Built-in microphone' },
      ],
      devices: call.devices + 1,
    },
    devices: {
      ...devices,
      microphones: rest(devices.microphones),
      loudspeakers: rest(devices.loudspeakers),
      microphone: 'lid',
      loudspeaker: 'speakers',
      nextMicrophone: 'lid',
    },
  };
}
