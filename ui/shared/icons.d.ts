declare module '@tabler/icons-react/dist/esm/icons/*.mjs' {
  import type { ForwardRefExoticComponent, RefAttributes, SVGProps } from 'react';

  const icon: ForwardRefExoticComponent<
    Omit<SVGProps<SVGSVGElement>, 'ref' | 'stroke'> & {
      size?: number | string | undefined;
      stroke?: number | string;
    } & RefAttributes<SVGSVGElement>
  >;
  export default icon;
}
