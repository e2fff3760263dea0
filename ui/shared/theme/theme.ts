// Mantine in Rounds' measures: 32 px controls, 14 px type, one accent, short motion.
// The components that only an open session draws are named by their types alone: the sign-in
// screen does not load them.
import {
  ActionIcon,
  Button,
  createTheme,
  Input,
  type MantineColorsTuple,
  type ModalProps,
  type NotificationProps,
  type SegmentedControlProps,
  type TooltipProps,
} from '@mantine/core';
import { en } from '../words/en.ts';

const petrol: MantineColorsTuple = [
  '#e9f5f7',
  '#d2e9ed',
  '#a5d5dd',
  '#74c4d2',
  '#4aaebf',
  '#2b98aa',
  '#1a8395',
  '#0f6e80',
  '#0b5a69',
  '#074653',
];

const gray: MantineColorsTuple = [
  '#f6f8f9',
  '#f1f4f5',
  '#e6eaec',
  '#dde2e5',
  '#9aa5ab',
  '#7f8b92',
  '#626d74',
  '#4f5a61',
  '#2a3237',
  '#182025',
];

const red: MantineColorsTuple = [
  '#fdeceb',
  '#f8d3d0',
  '#eab4b0',
  '#e08d87',
  '#ff9a92',
  '#cf4a41',
  '#c0342b',
  '#b3261e',
  '#97201a',
  '#7a1a15',
];

const dark: MantineColorsTuple = [
  '#e6eaec',
  '#c9d1d5',
  '#aab4ba',
  '#929da4',
  '#46525a',
  '#313a40',
  '#1c2226',
  '#171c1f',
  '#12171a',
  '#101416',
];

/** What a component is given where nothing else is said. */
function usual<P>(defaultProps: Partial<P>): { defaultProps: Partial<P> } {
  return { defaultProps };
}

export const theme = createTheme({
  fontFamily: 'var(--r-font)',
  fontFamilyMonospace: 'ui-monospace, "DejaVu Sans Mono", monospace',
  primaryColor: 'petrol',
  primaryShade: { light: 7, dark: 7 },
  colors: { petrol, gray, dark, red },
  defaultRadius: 6,
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  fontSizes: { xs: '12px', sm: '14px', md: '14px', lg: '16px', xl: '18px' },
  lineHeights: { xs: '16px', sm: '20px', md: '20px', lg: '24px', xl: '24px' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
  components: {
    Button: Button.extend({
      defaultProps: { size: 'sm' },
      vars: (_, props) => ({
        root: {
          '--button-height': props.size === 'xs' || props.size === 'compact-sm' ? '26px' : '32px',
          '--button-padding-x': props.size === 'xs' || props.size === 'compact-sm' ? '9px' : '14px',
          '--button-fz': props.size === 'xs' || props.size === 'compact-sm' ? '13px' : '14px',
        },
      }),
    }),
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray', size: 28 } }),
    Input: Input.extend({
      vars: () => ({
        wrapper: {
          '--input-height': '32px',
          '--input-fz': '14px',
          '--input-padding-y': '5px',
          '--input-line-height': '20px',
        },
      }),
    }),
    InputWrapper: Input.Wrapper.extend({
      vars: () => ({
        label: { '--input-label-size': '13px' },
        error: { '--input-error-size': '12px' },
        description: { '--input-description-size': '12px' },
        success: {},
      }),
    }),
    SegmentedControl: usual<SegmentedControlProps>({ transitionDuration: 100 }),
    Tooltip: usual<TooltipProps>({
      openDelay: 400,
      withArrow: false,
      transitionProps: { duration: 80 },
    }),
    Notification: usual<NotificationProps>({
      closeButtonProps: { 'aria-label': en.common.close },
    }),
    Modal: usual<ModalProps>({ centered: true, transitionProps: { duration: 100 } }),
  },
});
