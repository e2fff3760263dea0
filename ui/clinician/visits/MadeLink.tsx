// A link that was made: shown once, because the server keeps only its hash.
import { Button, TextInput } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { InvitationView } from '../../shared/bindings.ts';
import { useWords } from '../../shared/words/index.ts';
import css from './Visits.module.css';

/** The link, with the focus on it, and a way to copy it. */
export function MadeLink({
  invitation,
  label,
  until,
  testId,
  children,
}: {
  invitation: InvitationView;
  label: string;
  until: string;
  testId: string;
  /** What else can be done, beside the copying. */
  children?: ReactNode;
}) {
  const { t } = useWords();
  const field = useRef<HTMLInputElement>(null);
  const { url } = invitation;
  const [copied, setCopied] = useState('');
  useEffect(() => {
    // Each link that is made takes the focus, another one after it too.
    if (url !== '') {
      field.current?.focus();
    }
  }, [url]);
  return (
    <>
      <TextInput
        ref={field}
        label={label}
        description={until}
        value={url}
        readOnly
        onFocus={(event) => event.currentTarget.select()}
        data-testid={testId}
      />
      <div className={css.acts}>
        <Button
          size="xs"
          variant="default"
          onClick={() =>
            navigator.clipboard.writeText(url).then(
              () => setCopied(url),
              () => setCopied(''),
            )
          }
        >
          {t(copied === url ? 'visits.copied' : 'visits.copy')}
        </Button>
        {children}
      </div>
    </>
  );
}
