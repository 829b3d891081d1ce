import type { Expander, OpensshValues } from "./openssh-values";

/** How a connection is opened where there is no jump host, as OpenSSH's configuration says. */
export interface Route {
  /** AddressFamily; left out where either will do. */
  readonly addressFamily?: 4 | 6;
  /** BindAddress: this machine's end of the connection. */
  readonly bindAddress?: string;
  /** BindInterface: the interface whose address is this machine's end. */
  readonly bindInterface?: string;
  /** ProxyCommand for a shell, with its tokens replaced: its input and output are the connection. */
  readonly proxyCommand?: string;
}

/** Reads the {@link Route} from what `ssh -G` prints. */
export function routeOf(values: OpensshValues, expander: Expander): Route {
  const addressFamily = ({ inet: 4, inet6: 6 } as const)[values.first("addressfamily") ?? ""];
  const bindAddress = values.first("bindaddress");
  const bindInterface = values.first("bindinterface");
  const proxyCommand = proxyCommandOf(values, expander);
  return {
    ...(addressFamily !== undefined && { addressFamily }),
    ...(bindAddress !== undefined && { bindAddress }),
    // BindAddress wins (sshconnect.c: ssh_create_socket)
    ...(bindInterface !== undefined && bindAddress === undefined && { bindInterface }),
    ...(proxyCommand !== undefined && { proxyCommand }),
  };
}

function proxyCommandOf(values: OpensshValues, expander: Expander): string | undefined {
  const keyword = "ProxyCommand";
  const written = values.firstOrNone("proxycommand");
  if (written === undefined) return undefined;
  if (written === "-")
    return expander.refuse(
      keyword,
      `its ${keyword} is "-", the standard input and output, which are Pulumi's here`,
    );
  if (values.isOn("proxyusefdpass"))
    return expander.refuse(
      keyword,
      "it sets ProxyUseFdpass, and no descriptor can be passed to this provider. Use a ProxyCommand that " +
        "goes on passing the data, without ProxyUseFdpass",
    );
  return expander.proxy(keyword, written);
}
