// The toolbar's pictures: 20 by 20, drawn with strokes of the text's colour.
import type { ReactNode } from "react";

function icon(content: ReactNode): ReactNode {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      {content}
    </svg>
  );
}

export const icons = {
  undo: icon(<><path d="M7 4 3.5 7.5 7 11" /><path d="M3.5 7.5H12a4.25 4.25 0 0 1 0 8.5H8" /></>),
  redo: icon(<><path d="m13 4 3.5 3.5L13 11" /><path d="M16.5 7.5H8A4.25 4.25 0 0 0 8 16h4" /></>),
  bold: icon(<path strokeWidth="2" d="M6 4h4.6a3 3 0 0 1 0 6H6zm0 6h5.4a3.1 3.1 0 0 1 0 6.2H6z" />),
  italic: icon(<path d="M11.8 4 8.2 16M9 4h5.5M5.5 16H11" />),
  underline: icon(<path d="M5.8 3.8v5.4a4.2 4.2 0 0 0 8.4 0V3.8M4.5 16.6h11" />),
  strike: icon(<path d="M3.5 10h13M13.8 6.6C13.4 4.9 12 4 10 4 7.700 4 6.200 5.200 6.200 7c0 1.200.7 2.100 2.200 2.700M6 13.300c.4 1.800 1.900 2.700 4.100 2.700 2.400 0 3.900-1.200 3.900-3 0-.6-.2-1.100-.5-1.500" />),
  code: icon(<path d="m7 6-4 4 4 4M13 6l4 4-4 4" />),
  link: icon(<><path d="M8.500 11.500a3 3 0 0 0 4.300 0l2.600-2.600a3.050 3.050 0 0 0-4.300-4.300L10 5.700" /><path d="M11.500 8.500a3 3 0 0 0-4.300 0l-2.600 2.600a3.050 3.050 0 0 0 4.300 4.300l1.100-1.100" /></>),
  bulletList: icon(<><path d="M8 5h8.500M8 10h8.500M8 15h8.500" /><g fill="currentColor" stroke="none"><circle cx="4" cy="5" r="1.300" /><circle cx="4" cy="10" r="1.300" /><circle cx="4" cy="15" r="1.300" /></g></>),
  orderedList: icon(<><path d="M8.500 5h8M8.500 10h8M8.500 15h8" /><path strokeWidth="1.300" d="M3.200 4 4.500 3.200V7M3.100 9.300c.2-.7 2.300-.9 2.300.3 0 .9-2.300 1.600-2.300 2.400h2.400M3.100 14.200h2.200l-1.300 1.300c1.700 0 1.700 2-.0 2-.4 0-.8-.1-1-.4" /></>),
  taskList: icon(<><rect x="3" y="3.500" width="4.600" height="4.600" rx="1.200" /><path d="M3.300 14.300 4.800 15.800 7.800 12.600M10.500 5.800h6M10.500 14.300h6" /></>),
  quote: icon(<path d="M8 6C5.500 6.700 4 8.600 4 11.200V14h4v-4H5.800M16.500 6c-2.500.7-4 2.600-4 5.200V14h4v-4h-2.200" />),
  codeBlock: icon(<><rect x="2.800" y="3.500" width="14.400" height="13" rx="2.400" /><path d="M8 7.800 5.800 10 8 12.200M12 7.800 14.200 10 12 12.200" /></>),
  rule: icon(<path d="M3 10h14M6 5.500h8M6 14.500h8" strokeDasharray="14 0 2 2.500" />),
  clear: icon(<path d="M5 4h10M10 4 8.600 11M6.500 16H10M12.500 12.500l4 4M16.500 12.500l-4 4" />),
  comment: icon(<path d="M4.500 4h11A1.500 1.500 0 0 1 17 5.500v7a1.500 1.500 0 0 1-1.500 1.500H10l-3.500 3v-3h-2A1.500 1.500 0 0 1 3 12.500v-7A1.500 1.500 0 0 1 4.500 4zM10 6.800v4.400M7.800 9h4.400" />),
  open: icon(<path d="M11 4h5v5M16 4l-7 7M8 5H5.500A1.500 1.500 0 0 0 4 6.500v8A1.500 1.500 0 0 0 5.500 16h8a1.500 1.500 0 0 0 1.500-1.500V12" />),
  edit: icon(<path d="m4 16 .8-3.300L13.300 4.200a1.600 1.600 0 0 1 2.300 2.300L7.200 15.100z" />),
  unlink: icon(<><path d="m11.300 6.200 1.100-1.100a3 3 0 0 1 4.300 4.300l-1.800 1.800M8.700 13.800l-1.100 1.100a3 3 0 0 1-4.300-4.300l1.800-1.800" /><path d="m4 4 12 12" /></>),
} as const;

export type IconName = keyof typeof icons;
