// The page's icons: 20 units square, drawn in the colour of the text.
import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export function LogoIcon() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect className="logo-ground" width="32" height="32" rx="8" />
      <path
        className="logo-page"
        d="M7 9c3.200-1.300 6.300-1 9 1 2.700-2 5.800-2.300 9-1v14c-3.200-1.300-6.300-1-9 1-2.700-2-5.800-2.300-9-1z"
      />
      <path className="logo-fold" d="M16 10v14" />
    </svg>
  );
}

export function PlusIcon() {
  return (
    <Icon>
      <path d="M10 4v12M4 10h12" />
    </Icon>
  );
}

export function DocumentIcon() {
  return (
    <Icon>
      <path d="M5.500 2.500h6l3.500 3.500v11.500h-9.500zM11.500 2.500v3.500h3.500M8 10h4.500M8 13h4.500" />
    </Icon>
  );
}

export function FolderIcon() {
  return (
    <Icon>
      <path d="M3 5.500c0-.6.4-1 1-1h3.600l1.900 2h6.500c.6 0 1 .4 1 1v7c0 .6-.4 1-1 1H4c-.6 0-1-.4-1-1z" />
    </Icon>
  );
}

export function CommentIcon() {
  return (
    <Icon>
      <path d="M4.500 4h11c.8 0 1.500.7 1.500 1.500v7c0 .8-.7 1.500-1.500 1.500H10l-3.500 3v-3h-2c-.8 0-1.500-.7-1.500-1.500v-7c0-.8.7-1.500 1.500-1.500z" />
    </Icon>
  );
}

export function BinIcon() {
  return (
    <Icon>
      <path d="M3.500 5.500h13M8 5.500v-2h4v2M5.500 5.500l.800 11h7.400l.800-11M8.500 8.500v5M11.500 8.500v5" />
    </Icon>
  );
}

export function MoreIcon() {
  return (
    <Icon>
      <path d="M10 4.500v.010M10 10v.010M10 15.500v.010" strokeWidth="2.500" />
    </Icon>
  );
}

export function SearchIcon() {
  return (
    <Icon>
      <circle cx="9" cy="9" r="5" />
      <path d="M13 13l4 4" />
    </Icon>
  );
}

export function InviteIcon() {
  return (
    <Icon>
      <circle cx="8" cy="7" r="3" />
      <path d="M2.500 16.500c.500-3 2.500-4.500 5.500-4.500s5 1.500 5.500 4.500M15.500 6v5M13 8.500h5" />
    </Icon>
  );
}

export function CheckIcon() {
  return (
    <Icon>
      <path d="M4.500 10.500l3.500 3.500 7.500-8" />
    </Icon>
  );
}

export function CloudOffIcon() {
  return (
    <Icon>
      <path d="M3 3l14 14M6.500 7.500a4 4 0 00-1.500 7.800h9M8.500 5.200a4.500 4.500 0 016.300 4A3 3 0 0117 13.500" />
    </Icon>
  );
}

export function WarningIcon() {
  return (
    <Icon>
      <path d="M10 3.500l7.500 13h-15zM10 8.500v3.500M10 14.300v.010" />
    </Icon>
  );
}

export function RestoreIcon() {
  return (
    <Icon>
      <path d="M4 8h8a4 4 0 010 8H8M4 8l3-3M4 8l3 3" />
    </Icon>
  );
}

export function PencilIcon() {
  return (
    <Icon>
      <path d="M4 16l.700-3.300 8.600-8.600a1.500 1.500 0 012.100 0l.500.500a1.500 1.500 0 010 2.100l-8.600 8.600z" />
    </Icon>
  );
}

export function DownloadIcon() {
  return (
    <Icon>
      <path d="M10 3.500v9M6 9l4 4 4-4M4 16.500h12" />
    </Icon>
  );
}

export function UploadIcon() {
  return (
    <Icon>
      <path d="M10 12.500v-9M6 7l4-4 4 4M4 16.500h12" />
    </Icon>
  );
}

export function CloseIcon() {
  return (
    <Icon>
      <path d="M5.500 5.500l9 9M14.500 5.500l-9 9" />
    </Icon>
  );
}

export function HistoryIcon() {
  return (
    <Icon>
      <path d="M3.500 4v3.500h3.500M3.900 7.300a6.800 6.800 0 11-.700 3.700M10 6.500v3.800l2.600 1.600" />
    </Icon>
  );
}

export function LinkIcon() {
  return (
    <Icon>
      <path d="M8.500 11.500a3 3 0 004.200.100l3-3a3 3 0 00-4.200-4.200l-1 1M11.500 8.500a3 3 0 00-4.200-.100l-3 3a3 3 0 004.200 4.200l1-1" />
    </Icon>
  );
}

export function PeopleIcon() {
  return (
    <Icon>
      <circle cx="7.500" cy="7" r="2.800" />
      <path d="M2.500 16c.400-2.800 2.200-4.200 5-4.200s4.600 1.400 5 4.200M13 4.400a2.800 2.800 0 010 5.200M14.500 12c1.700.500 2.700 1.800 3 4" />
    </Icon>
  );
}

export function BuildingIcon() {
  return (
    <Icon>
      <path d="M4 17v-13h8v13M12 8h4v9M2.500 17h15M6.500 7h3M6.500 10h3M6.500 13h3" />
    </Icon>
  );
}
