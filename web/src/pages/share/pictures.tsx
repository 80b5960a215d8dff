// What stands where a person has a face.
import { BuildingIcon, LinkIcon, PeopleIcon } from "../../shell/icons";

export function GroupPicture() {
  return <span className="avatar small plain" aria-hidden="true"><PeopleIcon /></span>;
}

export function EveryonePicture() {
  return <span className="avatar small plain" aria-hidden="true"><BuildingIcon /></span>;
}

export function LinkPicture() {
  return <span className="avatar small plain" aria-hidden="true"><LinkIcon /></span>;
}
