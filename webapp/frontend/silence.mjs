// The face finder's library reports how it is used to an address of its maker, once a minute. It is
// cut out here: what is left of the reporter keeps nothing and has no address. The text must match
// to the letter, and no file that we serve may name another host: so an update of the library that
// reports in another way stops the build, and somebody looks.
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";

const LIBRARY = /tasks-vision[\\/]vision_bundle\.mjs$/;

/** What stands in the library → what stands in our pages. Each must be there exactly once. */
const CUTS = [
  [
    // Sends a report.
    'class{constructor(){this.h="undefined"!=typeof AbortController}async send(t,e,r){var n=this.h?new AbortController:void 0,i=n&&t.ma>0?setTimeout(()=>{n.abort()},t.ma):void 0;try{let i=await fetch(t.url,{method:t.cb,headers:{...t.bb},...t.body&&{body:t.body},...t.withCredentials&&{credentials:"include"},signal:t.ma&&n?n.signal:null});200===i.status?e?.(await i.text()):r?.(i.status)}catch(t){if("AbortError"===t?.name)r?.(408);else r?.(400)}finally{clearTimeout(i)}}}',
    "class{}",
  ],
  [
    // Gathers what is to be reported. One with an error gathers nothing.
    'class{constructor(t){this.i=[],this.o=new bh,this.l=t??"",this.h=setInterval(()=>{this.flush()},6e4)}close(){void 0!==this.h&&(clearInterval(this.h),this.h=void 0),this.flush()}flush(t,e){if(this.error)e?.("net-send-failed");else if(0===this.i.length)t?.();else{var r=this.i;this.i=[],r=function(t){var e=new Ch;return Cr(e=ar(e,2,ee(1786)),3,t)}(r),r=Nh(r),this.o.send({url:"https://odml.pa.googleapis.com/v1/log",cb:"POST",ma:1e4,body:r,ib:2,bb:{"Content-Type":"application/x-protobuf","x-goog-api-key":this.l},withCredentials:!1},()=>{t?.()},t=>{this.error=Error(`Logging failed with HTTP error: ${t}`),this.i=[],void 0!==this.h&&(clearInterval(this.h),this.h=void 0),e?.("net-send-failed",t)})}}}',
    "class{constructor(){this.error=!0}close(){}flush(){}}",
  ],
];

/** esbuild's plug-in that cuts the reporter out of the library. */
export const faceFinderWithoutReports = {
  name: "face finder without reports",
  setup(build) {
    build.onLoad({ filter: LIBRARY }, async ({ path: file }) => ({
      contents: silenced(await readFile(file, "utf8")),
      loader: "js",
    }));
  },
};

/** The library's text without its reporter; throws where it is another text than the known one. */
export function silenced(text) {
  for (const [known, instead] of CUTS) {
    if (text.split(known).length !== 2) {
      throw new Error(
        "@mediapipe/tasks-vision is not the text from which its reports are cut out: look for what " +
          `it sends and where, then change silence.mjs. Not found: ${known.slice(0, 60)}…`,
      );
    }
    text = text.replace(known, () => instead);
  }
  return text;
}

/** Addresses in what we serve that nothing is sent to: names of XML languages, and in the runtime's
 * loader the sources that its comments and messages give. */
const NAMES = /^https?:\/\/(www\.w3\.org|server\.com:4324)\b/;
const SOURCES =
  /^https?:\/\/(en\.wikipedia\.org|kripken\.github\.io|pubs\.opengroup\.org|unicode\.org|bugzil\.la|developer\.mozilla\.org|github\.com|tools\.ietf\.org|webkit\.org|www\.ietf\.org|www\.khronos\.org|www\.tensorflow\.org|go|goto)\//;
const ADDRESS = /(?:https?|wss?):\/\/\w[^\s"'`<>)\\]*/g;

/** Throws when a file in the folder names another host that is not known to be harmless. */
export async function refuseAddresses(folder) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    const isRuntime = file.includes(`${path.sep}vision${path.sep}`);
    for (const address of foreign((await readFile(file)).toString("latin1"), isRuntime)) {
      throw new Error(`${path.relative(folder, file)} names another host: ${address}`);
    }
  }
}

/** The addresses in a text that are neither names nor, in the runtime, sources. */
export function foreign(text, isRuntime = false) {
  const found = text.match(ADDRESS) ?? [];
  return found.filter((one) => !NAMES.test(one) && !(isRuntime && SOURCES.test(one)));
}
