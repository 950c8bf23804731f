/** The name and the logo: four seats, one of them free. */
export function Brand() {
  return (
    <>
      <svg class="brand-sign" viewBox="0 0 32 32" aria-hidden="true">
        <rect class="ground" width="32" height="32" rx="8" />
        <rect class="seat" x="7" y="7" width="7.5" height="7.5" rx="2.2" />
        <rect class="seat" x="17.5" y="7" width="7.5" height="7.5" rx="2.2" />
        <rect class="seat" x="7" y="17.5" width="7.5" height="7.5" rx="2.2" />
        <rect class="seat free" x="17.5" y="17.5" width="7.5" height="7.5" rx="2.2" />
      </svg>
      <span>Seatlease</span>
    </>
  );
}
