/** The public domain name system. */
export interface Dns {
  /**
   * The texts of the TXT records of a name; none if the name does not exist. Throws `Unavailable('dns', …)` if it cannot
   * be found out: a failed lookup is never "no record".
   */
  texts(name: string): Promise<readonly string[]>;
}
