Feature: Whoever is responsible for data answers for it
  A person asks to be forgotten; a disk burns.

  Scenario: A person asks to be forgotten
    Given "dora" works for the project "letters" as an administrator
    And "dora" has started work that holds the name "Wilhelmine Heringsdorf"
    When "dora" has everything erased that holds the name
    Then the workflow and its results are gone
    And the audit log says what was erased, and not the name

  Scenario: Backups are made without being asked for
    Given a system that was told where backups go
    Then a backup was made, and can be tried out
