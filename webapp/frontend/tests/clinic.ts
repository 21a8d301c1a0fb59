// A clinic's server for the sender's tests: it takes uploads over HTTP, the API beside it answers
// through ``page.answer``. A fresh one for each test.
import { createServer, type Server } from "node:http";
import { afterEach, beforeEach } from "node:test";
import { serve } from "./stand-ins";

/** A clinic that takes uploads; the API beside it answers through ``page.answer``. */
interface Clinic {
  server: Server;
  got: Buffer;
  created: number;
  forgotten: number;
  /** So many more creations are put off. */
  busy: number;
}

export let clinic: Clinic;

beforeEach(async () => {
  clinic = { server: createServer(), got: Buffer.alloc(0), created: 0, forgotten: 0, busy: 0 };
  clinic.server.on("request", (request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      response.setHeader("Tus-Resumable", "1.0.0");
      if (request.method === "POST" && clinic.busy > 0) {
        clinic.busy -= 1;
        response.writeHead(503, { "Content-Type": "application/json" });
        return response.end('{"code": "busy", "detail": "Later."}');
      }
      if (request.method === "POST") {
        clinic.created += 1;
        clinic.got = Buffer.alloc(0);
        response.writeHead(201, { Location: `/up/${clinic.created}/` });
      } else if (request.method === "DELETE") {
        clinic.forgotten += 1;
        response.writeHead(204);
      } else {
        clinic.got = Buffer.concat([clinic.got, ...pieces]);
        response.writeHead(204, { "Upload-Offset": clinic.got.length });
      }
      response.end();
    });
  });
  location.href = await serve(clinic.server);
});

afterEach(() => {
  location.href = "http://localhost/";
  clinic.server.closeAllConnections();
  clinic.server.close();
});

const steps = { steps: [{ id: "st", clip: { id: "c1", state: "expected" } }] };
export const clip = { id: "c1", state: "received", size: 3 };

/** The API of a clinic that wants this step and takes what it was sent. */
export function willing(path: string, sent: unknown[] = [], body?: BodyInit | null): Response {
  if (path.endsWith("/complete/")) {
    sent.push(path, JSON.parse(String(body)));
    return Response.json(clip);
  }
  return Response.json(steps);
}
