// What is sensitive is encrypted before it is stored (AES-256-GCM: nonce, tag, text) and found by a keyed hash.
//     PEER_KEY=<64 hex digits> node sealing.js TEXT prints it as PostgreSQL reads it
import { createCipheriv, createDecipheriv, createHmac, randomFillSync } from 'node:crypto';

const key = Buffer.from(process.env.PEER_KEY, 'hex');

export function seal(text) {
    const nonce = randomFillSync(Buffer.allocUnsafe(12));
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

export function open(sealed) {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12));
    decipher.setAuthTag(sealed.subarray(12, 28));
    return decipher.update(sealed.subarray(28), undefined, 'utf8') + decipher.final('utf8');
}

export const hashed = text => createHmac('sha256', key).update(text).digest().subarray(0, 16);

if (process.argv[1] === import.meta.filename && process.argv[2]) process.stdout.write(`\\x${seal(process.argv[2]).toString('hex')}`);
