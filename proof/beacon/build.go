package beacon

// Source is what BuildPack makes a pack from: objects a beacon node served.
type Source struct {
	// Finality is required: the pack proves its finalized execution block.
	Finality *FinalityUpdate

	// Bootstrap, when not nil, starts the pack at its block, for verifiers that trust
	// that checkpoint. Nil makes a pack of one period for verifiers with a table of
	// committee roots.
	Bootstrap *Bootstrap

	// Updates must hold, with Bootstrap, one update per period from the bootstrap's to the
	// one before Finality's signature; without it, the one of that last period, or none
	// if Committee is given. Others are left alone.
	Updates []*Update

	// Committee is the one of Finality's signature period. It is used without Bootstrap
	// only; the zero value means to take it from Updates.
	Committee SyncCommittee
}

// BuildPack puts a pack together and verifies it with CheckEveryKey. The verification
// shows that the parts fit; whether the committee or checkpoint is one to trust is for
// the verifier to say. What verifiers do not need is left out: the execution headers of
// attested blocks and of updates.
func (n *Network) BuildPack(s Source) (*Pack, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	f := s.Finality
	if f == nil {
		return nil, fail(ErrMalformed, "expected a finality update, found none")
	}
	if f.SignatureSlot <= f.Attested.Beacon.Slot {
		return nil, fail(ErrOrder, "expected a signature slot after the attested slot %d, found %d", f.Attested.Beacon.Slot, f.SignatureSlot)
	}
	target := n.period(f.SignatureSlot)
	signed, _, err := n.forkAt(f.SignatureSlot - 1)
	if err != nil {
		return nil, err
	}
	p := &Pack{GenesisValidatorsRoot: n.GenesisValidatorsRoot, ForkVersion: signed.Version}
	trust := &Trust{Network: n, CheckEveryKey: true}
	if s.Bootstrap != nil {
		err = n.buildChain(p, trust, &s, target)
	} else {
		err = n.buildStart(p, trust, &s, target)
	}
	if err != nil {
		return nil, err
	}
	slot, err := n.canonicalSlot(f.SignatureSlot, f.Attested.Beacon.Slot)
	if err != nil {
		return nil, err
	}
	p.Finality = Finality{
		Attested:       f.Attested.Beacon,
		FinalityBranch: f.FinalityBranch,
		Finalized:      f.Finalized,
		Aggregate:      f.Aggregate,
		SignatureSlot:  slot,
	}
	if err := n.normalize(&p.Finality); err != nil {
		return nil, err
	}
	// The attested execution header is not carried, but a wrong one betrays the source.
	if f.Attested.Execution != nil {
		if err := n.checkExecution(&f.Attested); err != nil {
			return nil, err
		}
	}
	if _, err := Verify(p, trust); err != nil {
		return nil, err
	}
	return p, nil
}

// buildChain makes a pack that starts at the bootstrap.
func (n *Network) buildChain(p *Pack, trust *Trust, s *Source, target uint64) error {
	b := s.Bootstrap
	p.Period = n.period(b.Header.Beacon.Slot)
	p.Checkpoint = &CheckpointProof{Header: b.Header.Beacon, Branch: b.CommitteeBranch}
	p.Committee = b.Committee
	trust.Checkpoints = []Root{b.Header.Beacon.Root()}
	if target < p.Period || target-p.Period > maxUpdates {
		return fail(ErrWrongPeriod, "expected a finality update at most %d periods after the checkpoint's %d, found %d", maxUpdates, p.Period, target)
	}
	for period := p.Period; period < target; period++ {
		u := n.updateOf(s.Updates, period)
		if u == nil {
			return fail(ErrWrongPeriod, "expected an update that is signed, attested and final in period %d, found none", period)
		}
		slot, err := n.canonicalSlot(u.SignatureSlot, u.Attested.Beacon.Slot)
		if err != nil {
			return err
		}
		p.Updates = append(p.Updates, PeriodUpdate{
			Attested: u.Attested.Beacon, NextCommittee: u.NextCommittee, NextBranch: u.NextCommitteeBranch,
			Finalized: u.Finalized.Beacon, FinalityBranch: u.FinalityBranch,
			Aggregate: u.Aggregate, SignatureSlot: slot,
		})
	}
	return nil
}

// buildStart makes a pack of one period.
func (n *Network) buildStart(p *Pack, trust *Trust, s *Source, target uint64) error {
	p.Period, p.Committee = target, s.Committee
	if len(p.Committee.Pubkeys) == 0 {
		var u *Update
		if target > 0 {
			u = n.updateOf(s.Updates, target-1)
		}
		if u == nil {
			return fail(ErrWrongPeriod, "expected the committee of period %d, or the update of the period before it, found neither", target)
		}
		p.Committee = u.NextCommittee
	}
	trust.Committees = map[uint64]Root{target: p.Committee.Root()}
	return nil
}

// updateOf finds the update that lies in a period as verifiers ask for.
func (n *Network) updateOf(updates []*Update, period uint64) *Update {
	for _, u := range updates {
		if u != nil && u.SignatureSlot > u.Attested.Beacon.Slot && n.period(u.SignatureSlot) == period &&
			n.period(u.Attested.Beacon.Slot) == period && n.period(u.Finalized.Beacon.Slot) == period {
			return u
		}
	}
	return nil
}

// normalize gives the finalized execution header the form of its own slot's fork: nodes
// serve it in the form of the attested slot's.
func (n *Network) normalize(f *Finality) error {
	_, own, err := n.forkAt(f.Finalized.Beacon.Slot)
	if err != nil {
		return err
	}
	if err := n.checkExecution(&f.Finalized); err != nil {
		return err
	}
	if own.form == withoutBlobs && f.Finalized.Execution.Blobs {
		e := *f.Finalized.Execution // checked above: the fields dropped are zero
		e.Blobs = false
		f.Finalized.Execution = &e
	}
	return nil
}
