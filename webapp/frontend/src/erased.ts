// After an erasure: what this browser still keeps for the account goes too. Other accounts' takes
// on the same device are left alone.
import { Outbox } from "./record/outbox";
import { pageData } from "./shared/api";

async function clear(): Promise<void> {
  const { user } = pageData<{ user: string }>();
  const outbox = await Outbox.open();
  for (const take of await outbox.takes(user)) await outbox.remove(take.id);
}

const said = document.getElementById("device");
clear()
  .then(() => {
    if (said) said.textContent = "Recordings that waited on this device are deleted too.";
  })
  .catch(() => {
    if (said)
      said.textContent =
        "This browser did not let us look for recordings that wait on this device. " +
        "To be sure, delete the data of this site in the browser’s settings.";
  });
