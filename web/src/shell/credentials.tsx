// The fields by which browsers and password managers know a sign-in: their types and names are what these look for.
import { Field, type FieldProps } from "./Field";
import { passwordHint, PASSWORD_LENGTH } from "./limits";

type Own = "type" | "autoComplete" | "required" | "minLength" | "hint";

export function MailField(props: Omit<FieldProps, Own | "label" | "name">) {
  return <Field label="Mail address" type="email" name="email" autoComplete="username" required {...props} />;
}

export function NewPasswordField({ label = "Password", ...props }: Omit<FieldProps, Own | "label"> & { label?: string }) {
  return (
    <Field
      label={label}
      type="password"
      name="password"
      autoComplete="new-password"
      required
      minLength={PASSWORD_LENGTH}
      hint={passwordHint}
      {...props}
    />
  );
}
