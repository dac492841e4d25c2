import { useEffect, useState } from "react";
import { bytes } from "../formats/numbers";
import { texts } from "../texts";
import type { Image } from "./image";
import "./picture.css";

const NAMES = { "image/png": "PNG", "image/jpeg": "JPEG" };

/** An image of a result; the browser takes it for what it is, whatever its bytes say of themselves. */
export function Picture({ image }: { image: Image }) {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([image.bytes], { type: image.type }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [image]);
  const label = texts.workflow.image(NAMES[image.type], bytes(image.bytes.length));
  return (
    <figure className="picture">
      {address && <img src={address} alt={label} />}
      <figcaption className="quiet small">{label}</figcaption>
    </figure>
  );
}
