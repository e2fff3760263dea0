// Camera, microphone and loudspeaker during a call: which are used, and how loud it is.
import { Button, Select } from '@mantine/core';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import type { CallView, DeviceKind, DevicesView, DeviceView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import css from './Visits.module.css';

const DEVICES = ['devices'];

/** What there is, and a way to use another one. */
function useDevices(call: CallView) {
  const client = useQueryClient();
  // Read anew whenever the program says that a device came or went.
  const key = [...DEVICES, call.devices];
  const found = useQuery({
    queryKey: key,
    queryFn: () => ipc.devices(),
    placeholderData: keepPreviousData,
    gcTime: 0,
  });
  const choose = useAction(async (kind: DeviceKind, id: string | null) => {
    client.setQueryData<DevicesView>(key, await ipc.chooseDevice(kind, id));
  });
  return { view: found.data, choose };
}

/** Mutes and hides: always at hand. */
export function Controls({ call }: { call: CallView }) {
  const { t } = useWords();
  const { view, choose } = useDevices(call);
  if (!view) {
    return null;
  }
  return (
    <>
      <div className={css.controls}>
        <Button
          variant="default"
          aria-pressed={view.microphone === null}
          disabled={!view.microphone && !view.nextMicrophone}
          onClick={() => choose.run('microphone', view.microphone ? null : view.nextMicrophone)}
          data-testid="visit-mute"
        >
          {t(view.microphone ? 'visits.mute' : 'visits.unmute')}
        </Button>
        <Button
          variant="default"
          aria-pressed={view.camera === null}
          disabled={!view.camera && !view.nextCamera}
          onClick={() => choose.run('camera', view.camera ? null : view.nextCamera)}
          data-testid="visit-hide"
        >
          {t(view.camera ? 'visits.hide' : 'visits.unhide')}
        </Button>
      </div>
      {choose.fault && <FaultNote fault={choose.fault} compact />}
    </>
  );
}

/** How loud the two are, and which devices are used. */
export function Devices({ call }: { call: CallView }) {
  const { t } = useWords();
  const { view, choose } = useDevices(call);
  if (!view) {
    return null;
  }
  const menu = (kind: DeviceKind, devices: DeviceView[], chosen: string | null) => (
    <Select
      size="xs"
      label={t(`visits.devices.${kind}`)}
      placeholder={t(devices.length === 0 ? 'visits.devices.none' : 'visits.devices.off')}
      data={devices.map((device) => ({ value: device.id, label: device.name }))}
      value={chosen}
      disabled={devices.length === 0}
      clearable={false}
      onChange={(id) => id && choose.run(kind, id)}
      data-testid={`visit-${kind}`}
    />
  );
  return (
    <>
      <div className={css.levels}>
        <label>
          {t('visits.ownLevel')}
          <meter min={0} max={100} value={call.ownLevel} />
        </label>
        <label>
          {t('visits.theirLevel')}
          <meter
            min={0}
            max={100}
            value={call.theirLevel}
            data-testid="visit-their-level"
            data-level={call.theirLevel}
          />
        </label>
      </div>
      {menu('camera', view.cameras, view.camera)}
      {menu('microphone', view.microphones, view.microphone)}
      {menu('loudspeaker', view.loudspeakers, view.loudspeaker)}
      {choose.fault && <FaultNote fault={choose.fault} compact />}
    </>
  );
}
