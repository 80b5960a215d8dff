// Opens and closes the comments, and says how many are open.
import { CommentIcon } from "../../shell/icons";

export interface CommentsButtonProps {
  /** How many threads are not resolved. */
  open: number;
  isShown: boolean;
  onToggle: () => void;
}

export function CommentsButton({ open, isShown, onToggle }: CommentsButtonProps) {
  return (
    <button type="button" className="button ghost comments-button" aria-expanded={isShown} title="Comments" onClick={onToggle}>
      <CommentIcon />
      <span className="sr-only">Comments</span>
      {open > 0 && <span className="count soft">{open}</span>}
    </button>
  );
}
