// One thread: what was commented, what was said, and what one may do about it.
import { useState } from "react";
import { CommentForm } from "./CommentForm";
import type { Comment, Commenting, Thread } from "../../api/comments";
import { Avatar } from "../../shell/Avatar";
import { ConfirmDialog } from "../../shell/ConfirmDialog";
import { MoreIcon } from "../../shell/icons";
import { Menu, type MenuAction } from "../../shell/Menu";
import { timeAgo, timeInFull } from "../../shell/time";
import { problemWithAll, useAction } from "../../shell/useAction";

export interface ThreadCardProps {
  thread: Thread;
  isActive: boolean;
  /** The commented text is not there any more. */
  isGone: boolean;
  nowMs: number;
  act: Commenting;
  onActive: () => void;
  onThread: (thread: Thread) => void;
  onRemoved: () => void;
}

type Doing = { kind: "reading" } | { kind: "replying" } | { kind: "editing"; commentId: string } | { kind: "removing"; commentId: string };

export function ThreadCard({ thread, isActive, isGone, nowMs, act, onActive, onThread, onRemoved }: ThreadCardProps) {
  const { thread_id, quote, comments, resolved_at, resolved_by, may_delete } = thread;
  const [doing, setDoing] = useState<Doing>({ kind: "reading" });
  const acting = useAction();
  const problem = problemWithAll(acting);
  const read = (): void => { setDoing({ kind: "reading" }); };
  const learn = (answer: Thread): void => {
    read();
    onThread(answer);
  };
  // By its id: what others do brings the same comments anew, as other objects.
  const isFirst = (commentId: string): boolean => commentId === comments[0]?.comment_id;
  const actionsOf = (comment: Comment): MenuAction[] => {
    const actions: MenuAction[] = [];
    if (comment.may_change) actions.push({ label: "Edit", run: () => { setDoing({ kind: "editing", commentId: comment.comment_id }); } });
    if (isFirst(comment.comment_id) ? may_delete : comment.may_delete) {
      actions.push({ label: "Delete", isDanger: true, run: () => { setDoing({ kind: "removing", commentId: comment.comment_id }); } });
    }
    return actions;
  };
  return (
    <li
      className={isActive ? "thread is-active" : "thread"}
      data-thread={thread_id}
      tabIndex={-1}
      onFocus={onActive}
      onClick={onActive}
    >
      {quote !== "" && <blockquote className={isGone ? "quote is-gone" : "quote"}>{isGone ? <s>{quote}</s> : quote}</blockquote>}
      {isGone && <p className="fine">The text was deleted.</p>}
      <ul className="comments" aria-label={`Comments on ${quote === "" ? "the document" : `“${quote}”`}`}>
        {comments.map((comment) => (
          <li key={comment.comment_id} className="comment">
            <div className="comment-head">
              <Avatar name={comment.author.name} color={comment.author.color} />
              <span className="row-words">
                <strong>{comment.author.name}</strong>
                <small>
                  <time dateTime={comment.created_at} title={timeInFull(comment.created_at)}>{timeAgo(comment.created_at, nowMs)}</time>
                  {comment.edited_at !== null && <span title={timeInFull(comment.edited_at)}> · edited</span>}
                </small>
              </span>
              {actionsOf(comment).length > 0 && (
                <Menu label={`More for the comment of ${comment.author.name}`} button={<MoreIcon />} actions={actionsOf(comment)} />
              )}
            </div>
            {doing.kind === "editing" && doing.commentId === comment.comment_id ? (
              <CommentForm
                label="Edit the comment"
                action="Save"
                initial={comment.body}
                autoFocus
                onSend={(body) => act.change(thread_id, comment.comment_id, body)}
                onSent={learn}
                onCancel={read}
              />
            ) : (
              <p className="comment-body">{comment.body}</p>
            )}
          </li>
        ))}
      </ul>
      {resolved_at !== null && (
        <p className="fine">
          Resolved{resolved_by === null ? "" : ` by ${resolved_by.name}`},{" "}
          <time dateTime={resolved_at} title={timeInFull(resolved_at)}>{timeAgo(resolved_at, nowMs)}</time>
        </p>
      )}
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      {doing.kind === "replying" ? (
        <CommentForm
          label="Reply"
          action="Reply"
          autoFocus
          onSend={(body) => act.reply(thread_id, body)}
          onSent={learn}
          onCancel={read}
        />
      ) : (
        <div className="actions">
          <button type="button" className="button" onClick={() => { setDoing({ kind: "replying" }); }}>Reply</button>
          <button
            type="button"
            className="button ghost"
            disabled={acting.isBusy}
            onClick={() => { acting.run(act.resolve(thread_id, resolved_at === null), onThread); }}
          >
            {resolved_at === null ? "Resolve" : "Reopen"}
          </button>
        </div>
      )}
      {doing.kind === "removing" && (
        <ConfirmDialog
          title={isFirst(doing.commentId) ? "Delete the whole thread?" : "Delete the comment?"}
          action="Delete"
          onConfirm={() =>
            isFirst(doing.commentId)
              ? act.remove(thread_id).then(onRemoved)
              : act.removeReply(thread_id, doing.commentId).then(onThread)
          }
          onDone={read}
          onClose={read}
        >
          {isFirst(doing.commentId) && comments.length > 1
            ? `It goes with its ${comments.length === 2 ? "reply" : `${comments.length - 1} replies`}, and cannot be taken back.`
            : "This cannot be taken back."}
        </ConfirmDialog>
      )}
    </li>
  );
}
