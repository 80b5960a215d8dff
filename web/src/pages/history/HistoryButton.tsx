// Opens and closes the history.
import { HistoryIcon } from "../../shell/icons";

export interface HistoryButtonProps {
  isShown: boolean;
  onToggle: () => void;
}

export function HistoryButton({ isShown, onToggle }: HistoryButtonProps) {
  return (
    <button type="button" className="button ghost square history-button" aria-label="History" aria-expanded={isShown} title="History" onClick={onToggle}>
      <HistoryIcon />
    </button>
  );
}
