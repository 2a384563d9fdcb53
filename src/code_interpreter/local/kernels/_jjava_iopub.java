package org.dflib.jjava.jupyter.channels;

import org.dflib.jjava.jupyter.kernel.KernelConnectionProperties;
import org.dflib.jjava.jupyter.messages.HMACGenerator;
import org.dflib.jjava.shaded.org.slf4j.LoggerFactory;
import org.dflib.jjava.shaded.org.zeromq.SocketType;
import org.dflib.jjava.shaded.org.zeromq.ZMQ;

/**
 * Takes the place of jjava's class of this name, which drops what is broadcast while a thousand
 * messages wait: a loop that prints is enough for that. This one has no limit, and drops nothing.
 */
public class IOPubChannel extends JupyterSocket {
    public IOPubChannel(ZMQ.Context context, HMACGenerator hmacGenerator) {
        super(context, SocketType.PUB, hmacGenerator, LoggerFactory.getLogger(IOPubChannel.class));
        setSndHWM(0);
    }

    @Override
    public void bind(KernelConnectionProperties connection) {
        bind(formatAddress(
                connection.getTransport(), connection.getIp(), connection.getIopubPort()));
    }
}
