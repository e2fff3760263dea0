// The keys of the frame. Screens have keys of their own; single letters never act while a
// field has the focus.
import { useEffect } from 'react';
import { useClinic } from './clinic.tsx';
import { useLock } from './lock.ts';
import { overlay, showOverlay } from './overlays.ts';
import { usePlace } from './place.tsx';
import { useWorkspace } from './workspace.tsx';

/** Whether an element takes letters. */
export function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
  );
}

/** Whether something is open that Esc closes first. */
function covered(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) {
    return false;
  }
  return (
    target.closest('[role="dialog"], [role="menu"], [role="listbox"]') !== null ||
    (target.getAttribute('aria-expanded') === 'true' &&
      target.getAttribute('data-stays-open') === null)
  );
}

/** Listens for the frame's keys while a session is open. */
export function useKeys(): void {
  const { screens } = useClinic();
  const { go, back } = usePlace();
  const { panel, close } = useWorkspace();
  const lock = useLock();
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const ctrl = event.ctrlKey || event.metaKey;
      const digit = Number(event.code.replace('Digit', ''));
      const screen = event.altKey && !ctrl ? screens[digit - 1] : undefined;
      const act = (what: () => void) => {
        event.preventDefault();
        event.stopPropagation();
        what();
      };
      if (ctrl && !event.altKey && event.key.toLowerCase() === 'k') {
        act(() => showOverlay(overlay() === 'find' ? null : 'find'));
      } else if (ctrl && !event.altKey && event.key.toLowerCase() === 'l') {
        act(lock);
      } else if (screen) {
        act(() => go({ screen }));
      } else if (event.altKey && event.key === 'ArrowLeft') {
        act(back);
      } else if (event.key === 'F6') {
        act(() => {
          const aside = document.querySelector<HTMLElement>('aside[tabindex]');
          const main = document.querySelector<HTMLElement>('main');
          (aside && !aside.contains(document.activeElement) ? aside : main)?.focus();
        });
      } else if (event.key === 'Escape' && panel && !covered(event.target)) {
        act(close);
      } else if (event.key === '?' && !typing(event.target)) {
        act(() => showOverlay('keys'));
      } else if (event.key === '/' && !ctrl && !typing(event.target)) {
        const field = document.querySelector<HTMLElement>('main [data-search]');
        if (field) {
          act(() => field.focus());
        }
      } else if (event.key === 'n' && !ctrl && !event.altKey && !typing(event.target)) {
        const button = document.querySelector<HTMLElement>('main [data-new]');
        if (button && !covered(event.target)) {
          act(() => button.click());
        }
      }
    };
    window.addEventListener('keydown', press, { capture: true });
    return () => window.removeEventListener('keydown', press, { capture: true });
  }, [screens, go, back, panel, close, lock]);
}
