// Shows those in the call a window or a screen: one that is chosen, never one by itself.
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { CallView, ShareSourceView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { audience } from './company.ts';
import { useCallAgain } from './use-call.ts';
import css from './Visits.module.css';

/** For as long as something is shown: what it is, and a way to stop. */
export function Shown({ call }: { call: CallView }) {
  const { t } = useWords();
  const again = useCallAgain();
  const stop = useAction(async () => {
    await ipc.stopSharing();
    await again();
  });
  if (call.sharing === null) {
    return null;
  }
  return (
    <div role="status" className={css.shown} data-testid="visit-shown">
      <p>
        {t(`visits.share.shown.${audience(call)}`)} <bdi>{call.sharing}</bdi>
      </p>
      <Button
        color="red"
        size="xs"
        loading={stop.running}
        onClick={() => stop.run()}
        data-testid="visit-share-stop"
      >
        {t('visits.share.stop')}
      </Button>
      {stop.fault && <FaultNote fault={stop.fault} compact />}
    </div>
  );
}

function Sources({
  call,
  sources,
  close,
}: {
  call: CallView;
  sources: ShareSourceView[];
  close: () => void;
}) {
  const { t } = useWords();
  const again = useCallAgain();
  const whom = audience(call);
  const share = useAction(async (id: string) => {
    await ipc.shareScreen(id);
    close();
    await again();
  });
  return (
    <section className={css.sources} aria-label={t(`visits.share.which.${whom}`)}>
      <p className="small">
        {sources.length === 0 ? t('visits.share.none') : t(`visits.share.mind.${whom}`)}
      </p>
      {sources.map((source) => (
        <Button
          key={source.id}
          variant="default"
          size="xs"
          fullWidth
          justify="flex-start"
          disabled={share.running}
          onClick={() => share.run(source.id)}
          data-testid="visit-share-source"
        >
          <span className="one-line">
            {t(source.window ? 'visits.share.window' : 'visits.share.screen')}{' '}
            <bdi>{source.name}</bdi>
          </span>
        </Button>
      ))}
      <Button variant="subtle" size="xs" onClick={close}>
        {t('visits.share.leave')}
      </Button>
      {share.fault && <FaultNote fault={share.fault} compact />}
    </section>
  );
}

/** Chooses what is shown, where this computer can show anything. */
export function Share({ call }: { call: CallView }) {
  const { t } = useWords();
  const [sources, setSources] = useState<ShareSourceView[] | null>(null);
  const look = useAction(async () => setSources(await ipc.shareSources()));
  if (!call.canShare || call.sharing !== null || call.state !== 'talking') {
    return null;
  }
  if (sources) {
    return <Sources call={call} sources={sources} close={() => setSources(null)} />;
  }
  return (
    <div className={css.controls}>
      <Button
        variant="default"
        loading={look.running}
        onClick={() => look.run()}
        data-testid="visit-share"
      >
        {t('visits.share.begin')}
      </Button>
      {look.fault && <FaultNote fault={look.fault} compact />}
    </div>
  );
}
