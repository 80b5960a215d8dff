// Where a document is served that has moved to another cluster: the API of this one says it.
import { useEffect, useState } from "react";
import { ApiError } from "../api/request";
import { showDocument } from "../api/documents";
import { addressesIn } from "./moved";

export interface MovedToProps {
  orgId: string;
  documentId: string;
}

export function MovedTo({ orgId, documentId }: MovedToProps) {
  const [addresses, setAddresses] = useState<readonly string[]>([]);
  useEffect(() => {
    showDocument(orgId, documentId).then(
      () => {
        // The move was given up: "Try again" opens it.
        setAddresses([]);
      },
      (error: unknown) => {
        if (error instanceof ApiError && error.status === 421) setAddresses(addressesIn(error.message));
      },
    );
  }, [orgId, documentId]);
  return (
    <ul>
      {addresses.map((address) => (
        <li key={address}>
          <a href={`${address}/${orgId}/${documentId}`}>{address}</a>
        </li>
      ))}
    </ul>
  );
}
